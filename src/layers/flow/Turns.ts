/** Turns: admits the flows of an endpoint. Each gets a place, waits for one, or is rejected. */
import { type Cause, Effect } from "effect"
import * as Admission from "../../protocol/flow/Admission.ts"
import * as Frame from "../../protocol/flow/Frame.ts"
import type { Link } from "../../services/Transport.ts"
import * as Handshake from "../core/Handshake.ts"
import * as Monotonic from "../core/Monotonic.ts"
import * as Signal from "../core/Signal.ts"

export interface Turns<Ticket> {
  /** Waits for the turn of a flow. Returns why it gets none, if so. Fails when its link breaks before. */
  readonly take: (
    ticket: Ticket,
    deadlineMillis: number | undefined
  ) => Effect.Effect<Frame.Rejected | undefined, Cause.Done>
  /** Gives a place back. May be called twice. */
  readonly leave: (ticket: Ticket) => void
  /** Gives no more places, and rejects the flows that wait. */
  readonly close: () => void
  readonly isClosed: () => boolean
  /** Flows that have a place. */
  readonly serving: ReadonlySet<Ticket>
}

export const notFound = Frame.rejected("EndpointNotFound", "no such endpoint")

/** Time that a flow waits for its turn beyond its deadline, in ms, so that its caller is the first to know. */
const overdueMillis = 1000

export const make = <Ticket extends { readonly link: Link }>(bounds: {
  readonly concurrency: number
  readonly backlog: number
}): Turns<Ticket> => {
  const admission = Admission.make<Ticket>({ ...bounds, peerOf: ({ link }) => link.countedAs })
  const changed = Signal.make()
  const busy = (why: string) => Frame.rejected("EndpointBusy", why)

  const wait = (ticket: Ticket, deadlineMillis: number | undefined) => {
    const decided = Signal.until(changed, () => !admission.waiting.has(ticket))
    const turn = Effect.map(decided, () => (admission.serving.has(ticket) ? undefined : notFound))
    if (deadlineMillis === undefined) return Handshake.unlessBroken(ticket.link, turn)
    // A caller gives up at its deadline: this bound is for one that did not.
    const over = Effect.succeed(busy("its time was over before its turn came"))
    const duration = Monotonic.timer(deadlineMillis + overdueMillis)
    return Handshake.unlessBroken(ticket.link, Effect.timeoutOrElse(turn, { duration, orElse: () => over }))
  }

  return {
    take: (ticket, deadlineMillis) => {
      switch (Admission.enter(admission, ticket)) {
        case "serving":
          return Effect.undefined
        case "closed":
          return Effect.succeed(notFound)
        case "busy":
          return Effect.succeed(busy(`${bounds.concurrency} flows are served, ${bounds.backlog} wait`))
        case "waiting":
          return wait(ticket, deadlineMillis)
      }
    },
    leave: (ticket) => {
      Admission.leave(admission, ticket)
      Signal.notify(changed)
    },
    close: () => {
      Admission.close(admission)
      Signal.notify(changed)
    },
    isClosed: () => admission.isClosed,
    serving: admission.serving
  }
}
