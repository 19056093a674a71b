/** An endpoint as those see it who find it by its name. */
import type { Effect, Scope } from "effect"
import type * as Frame from "../../protocol/flow/Frame.ts"
import type { Peer } from "../../services/Flow.ts"
import type { Link } from "../../services/Transport.ts"
import type { Timeouts } from "../core/Timeouts.ts"
import type { Guard } from "./Authorizing.ts"
import type { Callers } from "./Callers.ts"

/** What all endpoints of a host share. */
export interface Beside {
  /** Knows which host opened which flow. */
  readonly callers?: Callers
  /** Timeouts of the second word. */
  readonly words?: Timeouts
}

/** An endpoint that takes flows. */
export interface Exposed {
  /** Who may open flows to it. */
  readonly access: Guard
  /** Why this Open cannot be served; undefined when it can. */
  readonly refusal: (open: Frame.Open) => Frame.Rejected | undefined
  /** Answers an Open that can be served: waits for its turn, accepts it, and serves the flow to its end. */
  readonly serve: (link: Link, open: Frame.Open, peer: Peer, beside?: Beside) => Effect.Effect<void, never, Scope.Scope>
  /** Ends the flows of callers that are not let in any more; how many those were. */
  readonly revise: Effect.Effect<number>
  /**
   * Takes no more flows: those that wait for their turn are told so, and those that are served that they may come to an end;
   * how many those are.
   */
  readonly stop: Effect.Effect<number>
  /** Ends the flows that are served, and their handlers. */
  readonly close: Effect.Effect<void>
  /** Ends the flows that are left, and waits for their handlers no more; how many of those have not ended. */
  readonly abandon: Effect.Effect<number>
  /** Waits until no flow is being served. */
  readonly idle: Effect.Effect<void>
}
