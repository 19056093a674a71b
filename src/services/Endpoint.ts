/**
 * Endpoint: a fiber with a name. It is one imported value: one process exposes it, others connect to it.
 *
 * @module
 */
import { Cause, Deferred, Effect, Layer, Schedule, type Scope } from "effect"
import * as Contract from "./Contract.ts"
import { type ExposeOptions, type Exposure, Fabric, type Handler } from "./Fabric.ts"
import type { NetworkError } from "./NetworkError.ts"

export type { Options, Signature } from "./Contract.ts"

/**
 * Options of `Endpoint.toLayer`: how an endpoint serves, and how it reacts to the loss of its unique name. `L` is the
 * context of `onLost`.
 */
export interface LayerOptions<L = never> extends ExposeOptions {
  /**
   * Runs each time the name is lost: with NameTaken to another host, with the reason of `Exposure.lost` for good. By
   * default a loss is logged as a warning. The layer goes on without the name.
   */
  readonly onLost?: (error: NetworkError) => Effect.Effect<void, never, L>
  /**
   * Runs beside the endpoint each time it is exposed, until its name is lost or the layer ends: for example to change
   * the rule with `Exposure.allow` while it serves. Its failure is logged, and the endpoint goes on.
   */
  readonly onExposed?: (exposure: Exposure) => Effect.Effect<unknown, NetworkError, L>
  /**
   * Waits while another host owns the name, and exposes the endpoint about a second after that host has gone: at the
   * start, where the layer would else fail with NameTaken, and after a loss. Off by default.
   */
  readonly standby?: boolean
}

/** Contract with the layer that serves it. Pass it to `Fabric.connect` to open a flow. */
export interface Endpoint<in out In, in out Out, in out E = never> extends Contract.Contract<In, Out, E> {
  /**
   * Exposes the endpoint as long as the layer lives, on each fabric that the layer is given: one value serves two hosts
   * of one graph of layers. Given twice to one host, it fails with NameTaken.
   * Errors: NameInvalid, NameTaken, QuotaExceeded, FabricClosed, InvalidConfig.
   */
  readonly toLayer: <R = never, L = never>(
    handler: Handler<In, Out, E, R>,
    options?: LayerOptions<L>
  ) => Layer.Layer<never, NetworkError, Fabric | Exclude<R, Scope.Scope> | L>
}

/** Logs the failure of a background fiber of the layer, which nobody else would notice. */
const told = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("an endpoint is not looked after any more", cause)

const warn =
  (endpoint: string) =>
  (error: NetworkError): Effect.Effect<void> =>
    Effect.logWarning(`"${endpoint}" is not exposed here any more: ${error.message}`)

/** Interval at which a standby tries for the name; jittered, so that one of several standbys comes first. */
const standbyPause = Schedule.jittered(Schedule.spaced("1 second"))

/** Returns true for an error that another try may resolve. */
const isPassing = ({ reason }: NetworkError): boolean => reason._tag === "NameTaken" || reason._tag === "QuotaExceeded"

/** Watches over an endpoint until its name is lost. */
const lookAfter = <L>(
  exposure: Exposure,
  { onExposed, onLost }: Required<Pick<LayerOptions<L>, "onExposed" | "onLost">>
): Effect.Effect<never, NetworkError, L> =>
  Effect.raceFirst(
    exposure.lost,
    Effect.andThen(
      Effect.catchCause(
        Effect.suspend(() => onExposed(exposure)),
        told
      ),
      Effect.never
    )
  ).pipe(Effect.tapError(onLost), Effect.annotateLogs(exposure.annotations))

/** Holds the name whenever it is free. Returns once the name is held for the first time, or another host holds it. */
const standBy = Effect.fnUntraced(function* <R, L>(
  expose: Effect.Effect<Exposure, NetworkError, R>,
  after: (exposure: Exposure) => Effect.Effect<never, NetworkError, L>
) {
  const settled = yield* Deferred.make<void, NetworkError>()
  const hold = Effect.gen(function* () {
    const exposure = yield* expose
    yield* Deferred.succeed(settled, undefined)
    yield* after(exposure)
  })
  const holding = hold.pipe(
    Effect.scoped,
    Effect.tapError((error) =>
      error.reason._tag === "NameTaken" ? Deferred.succeed(settled, undefined) : Deferred.fail(settled, error)
    ),
    Effect.retry({ schedule: standbyPause, while: isPassing }),
    Effect.ignore
  )
  yield* Effect.forkScoped(Effect.tapCause(holding, told))
  yield* Deferred.await(settled)
})

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
    toLayer: (handler, { onExposed = () => Effect.void, onLost = warn(name), standby = false, ...options } = {}) =>
      Layer.fresh(
        Layer.effectDiscard(
          Effect.gen(function* () {
            const fabric = yield* Fabric
            const expose = fabric.expose(contract, handler, options)
            const after = (exposure: Exposure) => lookAfter(exposure, { onExposed, onLost })
            if (standby) return yield* standBy(expose, after)
            yield* Effect.forkScoped(Effect.tapCause(Effect.ignore(after(yield* expose)), told))
          })
        )
      )
  }
}
