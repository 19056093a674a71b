/**
 * A fiber with a name. An endpoint is one imported value: one process exposes it, others connect to it.
 */
import { Effect, Layer, type Scope } from "effect"
import * as Contract from "./Contract.ts"
import { type ExposeOptions, Fabric, type Handler } from "./Fabric.ts"
import type { NetworkError } from "./NetworkError.ts"

export interface Endpoint<in out In, in out Out, in out E = never> extends Contract.Contract<In, Out, E> {
  /**
   * Exposes the endpoint as long as the layer lives.
   * Errors: NameInvalid, NameTaken, QuotaExceeded, FabricClosed, InvalidConfig.
   */
  readonly toLayer: <R = never>(
    handler: Handler<In, Out, E, R>,
    options?: ExposeOptions
  ) => Layer.Layer<never, NetworkError, Fabric | Exclude<R, Scope.Scope>>
}

/**
 * Defines an endpoint. A bad name is no error here, where nothing could handle it, but in `toLayer`, `expose` and `connect`.
 *
 * @example
 * const Chat = Endpoint.make("chat.lobby", {
 *   input: Schema.Struct({ text: Schema.String }),
 *   output: Schema.Struct({ from: Schema.String, text: Schema.String })
 * })
 */
export const make = <In, Out, E = never>(name: string, options: Contract.Options<In, Out, E>): Endpoint<In, Out, E> => {
  const contract = Contract.make(name, options)
  return {
    ...contract,
    toLayer: (handler, options) =>
      Layer.effectDiscard(
        Effect.gen(function* () {
          const fabric = yield* Fabric
          const { lost } = yield* fabric.expose(contract, handler, options)
          yield* Effect.forkScoped(Effect.catch(lost, (error) => Effect.logWarning("endpoint lost", error)))
        })
      )
  }
}
