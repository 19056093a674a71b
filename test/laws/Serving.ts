/**
 * One endpoint at the far host of a wire, and the way to open a flow to it.
 */
import { Cause, Context, Effect, Exit, Option, type Scope } from "effect"
import * as Timeouts from "../../src/layers/core/Timeouts.ts"
import * as Answering from "../../src/layers/flow/Answering.ts"
import type { Exposed } from "../../src/layers/flow/Exposed.ts"
import * as Opening from "../../src/layers/flow/Opening.ts"
import * as FlowServer from "../../src/layers/flow/Serving.ts"
import type { Limits } from "../../src/protocol/flow/Limits.ts"
import type { Contract } from "../../src/services/Contract.ts"
import type { Handler } from "../../src/services/Fabric.ts"
import type { Flow } from "../../src/services/Flow.ts"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import type { Wire } from "./flow.ts"
import { started } from "./Started.ts"

export interface Serving<In, Out, E> {
  readonly open: Effect.Effect<Flow<In, Out, E>, NetworkError, Scope.Scope>
  readonly openAs: <I, O, Err>(asked: Contract<I, O, Err>) => Effect.Effect<Flow<I, O, Err>, NetworkError, Scope.Scope>
  readonly endpoint: Exposed
  readonly wire: Wire
}

/** `context` is what handlers run with; `limits` are those of both sides. */
export const serving = Effect.fnUntraced(function* <In, Out, E>(
  makeWire: Effect.Effect<Wire, NetworkError, Scope.Scope>,
  contract: Contract<In, Out, E>,
  handler: Handler<In, Out, E, Scope.Scope>,
  options: {
    readonly context?: Context.Context<never>
    readonly limits?: Partial<Limits>
    readonly words?: Timeouts.Timeouts
  } = {}
): Effect.fn.Return<Serving<In, Out, E>, NetworkError, Scope.Scope> {
  const wire = yield* makeWire
  const limits = { ...FlowServer.defaults.limits, ...options.limits }
  const config: FlowServer.Config = { ...FlowServer.defaults, handlerGrace: "50 millis", limits }
  const endpoint = FlowServer.expose(contract, handler, { context: options.context ?? Context.empty(), config })
  const opening = yield* Timeouts.make(config.openTimeout)
  const find = (name: string) => (name === contract.name ? endpoint : undefined)
  const { words } = options
  const answering = { self: "server", find, opening, ...(words === undefined ? {} : { words }) }
  yield* wire.serve((link) => Answering.answer(link, answering))
  const openAs = <I, O, Err>(asked: Contract<I, O, Err>) =>
    Effect.flatMap(wire.dial, (link) => Opening.open(link, asked, { caller: "client", host: wire.host, limits })).pipe(
      Effect.map(started)
    )
  return { open: openAs(contract), openAs, endpoint, wire }
})

export const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "10 seconds")

export const errorOf = (exit: Exit.Exit<unknown, unknown>): unknown =>
  Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
