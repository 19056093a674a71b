/** Keeping: exposes an endpoint, and looks after its name: hooks for its gain and its loss, and standby for a taken name. */
import { Deferred, Effect, Schedule, type Scope } from "effect"
import type { Contract } from "../../services/Contract.ts"
import type { Exposure, Fabric, Handler, KeepOptions } from "../../services/Fabric.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Background from "../core/Background.ts"

/** Interval at which a standby tries for the name; jittered, so that one of several standbys comes first. */
const standbyPause = Schedule.jittered(Schedule.spaced("1 second"))

const warn =
  (endpoint: string) =>
  (error: NetworkError): Effect.Effect<void> =>
    Effect.logWarning(`"${endpoint}" is not exposed here any more: ${error.message}`)

/** Holds the name whenever it is free. Returns once the name is held for the first time, or another host holds it. */
const standBy = Effect.fnUntraced(function* <R, L>(
  what: string,
  expose: Effect.Effect<Exposure, NetworkError, R>,
  lookAfter: (exposure: Exposure) => Effect.Effect<never, NetworkError, L>
) {
  const settled = yield* Deferred.make<void, NetworkError>()
  const hold = Effect.gen(function* () {
    const exposure = yield* expose
    yield* Deferred.succeed(settled, undefined)
    yield* lookAfter(exposure)
  })
  /** Whether another try may help. */
  const isPassing = ({ reason }: NetworkError): Effect.Effect<boolean> => {
    if (reason._tag === "NameTaken") return Effect.as(Deferred.succeed(settled, undefined), true)
    return reason._tag === "QuotaExceeded" ? Deferred.isDone(settled) : Effect.succeed(false)
  }
  const holding = hold.pipe(
    Effect.scoped,
    Effect.retry({ schedule: standbyPause, while: isPassing }),
    Effect.tapCause((cause) => Deferred.failCause(settled, cause)),
    Effect.ignore
  )
  yield* Background.run(what, holding)
  yield* Deferred.await(settled)
})

export const make = (expose: Fabric["Service"]["expose"]): Fabric["Service"]["keep"] =>
  Effect.fnUntraced(function* <In, Out, E, R, L = never>(
    contract: Contract<In, Out, E>,
    handler: Handler<In, Out, E, R>,
    options: KeepOptions<L> = {}
  ): Effect.fn.Return<void, NetworkError, Exclude<R, Scope.Scope> | L | Scope.Scope> {
    const { onExposed = () => Effect.void, onLost = warn(contract.name), standby = false, ...bounds } = options
    const what = `looking after "${contract.name}"`
    const exposing = expose(contract, handler, bounds)
    const beside = (exposure: Exposure) =>
      Effect.suspend(() => onExposed(exposure)).pipe(
        Background.heard(`onExposed of "${contract.name}"`),
        Effect.ignoreCause,
        Effect.andThen(Effect.never)
      )
    /** Watches over the endpoint until its name is lost. */
    const lookAfter = (exposure: Exposure): Effect.Effect<never, NetworkError, L> =>
      Effect.raceFirst(exposure.lost, beside(exposure)).pipe(
        Effect.tapError(onLost),
        Effect.annotateLogs(exposure.annotations)
      )
    if (standby) return yield* standBy(what, exposing, lookAfter)
    yield* Background.run(what, Effect.ignore(lookAfter(yield* exposing)))
  })
