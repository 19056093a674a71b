/**
 * Admission control of an endpoint: at most `concurrency` flows are served, and `backlog` flows queue behind them,
 * first come, first served. The last seats of both kinds are reserved for peers that hold few (`Seats`).
 *
 * States: open (flows come in) -> closed (none comes in and none waits any more; flows being served may finish).
 * Invariant: no flow waits while a seat is free that its peer may take.
 */
import * as Seats from "./Seats.ts"

export interface Admission<Ticket> {
  readonly served: Seats.Seats<Ticket>
  readonly queue: Seats.Seats<Ticket>
  readonly serving: ReadonlySet<Ticket>
  readonly waiting: ReadonlySet<Ticket>
  /** Peer that a flow counts for. */
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

/** Admits a flow, queues it, or says why neither. */
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

/** Removes a flow, and admits the first waiting ones whose peers may take a free seat. Idempotent. */
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

/** Closes the endpoint: no flow is admitted or waits any more. */
export const close = <Ticket>(admission: Admission<Ticket>): void => {
  admission.isClosed = true
  admission.queue.held.clear()
  admission.queue.byPeer.clear()
}
