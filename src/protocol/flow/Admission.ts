/**
 * Whose turn it is at an endpoint: so many flows at once, and so many behind them that wait in the order in which they came. Of both
 * kinds of places the last are kept for peers that hold few (`Seats`).
 *
 * States: open (flows come in) -> closed (none comes in and none waits any more; those inside may finish).
 * Invariants: at most `concurrency` are served, at most `backlog` wait, and nobody waits while a place is free that it may have.
 */
import * as Seats from "./Seats.ts"

export interface Admission<Ticket> {
  readonly served: Seats.Seats<Ticket>
  readonly queue: Seats.Seats<Ticket>
  readonly serving: ReadonlySet<Ticket>
  readonly waiting: ReadonlySet<Ticket>
  /** Whom a flow counts for. */
  readonly peerOf: (ticket: Ticket) => string | undefined
  isClosed: boolean
}

export type Entry = "serving" | "waiting" | "busy" | "closed"

export const make = <Ticket>(bounds: {
  readonly concurrency: number
  readonly backlog: number
  readonly peerOf?: Admission<Ticket>["peerOf"]
}): Admission<Ticket> => {
  const served = Seats.make<Ticket>(bounds.concurrency)
  const queue = Seats.make<Ticket>(bounds.backlog)
  const peerOf = bounds.peerOf ?? (() => undefined)
  return { served, queue, serving: served.held, waiting: queue.held, peerOf, isClosed: false }
}

/** Lets a flow in, or has it wait, or says why neither. */
export const enter = <Ticket>(admission: Admission<Ticket>, ticket: Ticket): Entry => {
  const { queue, served } = admission
  if (admission.isClosed) return "closed"
  const peer = admission.peerOf(ticket)
  if (Seats.isFree(served, peer)) {
    Seats.take(served, ticket, peer)
    return "serving"
  }
  if (!Seats.isFree(queue, peer)) return "busy"
  Seats.take(queue, ticket, peer)
  return "waiting"
}

/** The flow is done, or waits no longer: the first that waits gets a place that it may have. Saying it twice is fine. */
export const leave = <Ticket>(admission: Admission<Ticket>, ticket: Ticket): void => {
  const { peerOf, queue, served, waiting } = admission
  const gone = peerOf(ticket)
  Seats.give(queue, ticket, gone)
  Seats.give(served, ticket, gone)
  for (const next of waiting) {
    const peer = peerOf(next)
    if (!Seats.isFree(served, peer)) continue
    Seats.give(queue, next, peer)
    Seats.take(served, next, peer)
  }
}

/** Lets nobody in any more. */
export const close = <Ticket>(admission: Admission<Ticket>): void => {
  admission.isClosed = true
  admission.queue.held.clear()
  admission.queue.byPeer.clear()
}
