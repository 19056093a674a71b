/** Exposed: an endpoint that takes flows, as found by its name. */
import type { Effect, Scope } from "effect"
import type * as Frame from "../../protocol/flow/Frame.ts"
import type { Peer } from "../../services/Flow.ts"
import type { Link } from "../../services/Transport.ts"
import type { Timeouts } from "../core/Timeouts.ts"
import type { Guard } from "./Authorizing.ts"
import type { Callers } from "./Callers.ts"

/** Parts of a host that its endpoints share. */
export interface Beside {
  /** Records which host opened which flow. */
  readonly callers?: Callers
  /** Timeouts of the caller's second word. */
  readonly words?: Timeouts
}

export interface Exposed {
  /** Decides which callers may open flows. */
  readonly access: Guard
  /** Returns why this Open cannot be served; undefined when it can. */
  readonly refusal: (open: Frame.Open) => Frame.Rejected | undefined
  /** Answers an Open that can be served: waits for its turn, accepts it, and serves the flow to its end. */
  readonly serve: (link: Link, open: Frame.Open, peer: Peer, beside?: Beside) => Effect.Effect<void, never, Scope.Scope>
  /** Ends the flows of callers that are not let in any more. Returns how many. */
  readonly revise: Effect.Effect<number>
  /**
   * Takes no more flows: rejects those that wait for their turn, and tells those that are served to come to an end
   * (`draining`). Returns how many are served.
   */
  readonly stop: Effect.Effect<number>
  /** Interrupts the handlers, and fails the served flows that have none yet. */
  readonly close: Effect.Effect<void>
  /** Fails the flows that are left, and stops waiting for their handlers. Returns how many of those have not ended. */
  readonly abandon: Effect.Effect<number>
  /** Waits until no flow is served. */
  readonly idle: Effect.Effect<void>
}
