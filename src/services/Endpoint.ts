/**
 * Endpoint: a fiber with a name. It is one imported value: one process exposes it, others connect to it.
 *
 * @module
 */
import { Effect, Layer, type Scope } from "effect"
import * as Contract from "./Contract.ts"
import { Fabric, type Handler, type KeepOptions } from "./Fabric.ts"
import type { NetworkError } from "./NetworkError.ts"

export type { Options, Signature } from "./Contract.ts"

/** Options of `Endpoint.toLayer`: those of `Fabric.keep`. `L` is the context of the hooks. */
export type LayerOptions<L = never> = KeepOptions<L>

/** Contract with the layer that serves it. Pass it to `Fabric.connect` to open a flow. */
export interface Endpoint<in out In, in out Out, in out E = never> extends Contract.Contract<In, Out, E> {
  /**
   * Keeps the endpoint exposed as long as the layer lives, by `Fabric.keep`, on each fabric that the layer is given: one
   * value serves two hosts of one graph of layers. Given twice to one host, it fails with NameTaken.
   * Errors: NameInvalid, NameTaken, QuotaExceeded, FabricClosed, InvalidConfig.
   */
  readonly toLayer: <R = never, L = never>(
    handler: Handler<In, Out, E, R>,
    options?: LayerOptions<L>
  ) => Layer.Layer<never, NetworkError, Fabric | Exclude<R, Scope.Scope> | L>
}

/**
 * Defines an endpoint. `toLayer`, `expose` and `connect` report an invalid name, since nothing could handle it here.
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
    // Fresh, since one value serves several hosts of a graph of layers.
    toLayer: (handler, options) =>
      Layer.fresh(Layer.effectDiscard(Effect.flatMap(Fabric, ({ keep }) => keep(contract, handler, options))))
  }
}
