/**
 * Connecting: one flow to an owner of a name, within a time.
 */
import { type Cause, Duration, Effect, Fiber, Option, Queue, Random, Result, type Scope, Stream } from "effect"
import type { Contract } from "../services/Contract.ts"
import type { ConnectOptions, Fabric } from "../services/Fabric.ts"
import type { Flow } from "../services/Flow.ts"
import type { Host } from "../services/Host.ts"
import { FabricClosed, InvalidConfig, NetworkError, Timeout } from "../services/NetworkError.ts"
import type { Registry } from "../services/Registry.ts"
import type { Owners, Tries } from "./FabricOwners.ts"
import { triedOf } from "./FabricOwners.ts"
import * as FlowCaller from "./FlowCaller.ts"
import * as FlowDeadline from "./FlowDeadline.ts"
import * as Timeouts from "./Timeouts.ts"

export interface Options {
  readonly self: Effect.Effect<Host>
  readonly registry: Registry["Service"]
  readonly owners: Owners
  /** Timeouts of `connectTimeout`. */
  readonly timeouts: Timeouts.Timeouts
  readonly check: (operation: NetworkError["operation"], name: string) => Effect.Effect<void, NetworkError>
}

export const connectTimeout = Duration.seconds(10)

/** Pauses between the tries of a connect that waits, in milliseconds; less by chance, and news of the name ends one. */
const pauseMillis = { first: 100, most: 1_000 } as const

/** A deadline that can be kept. */
const boundOf = (deadline: Duration.Input): Effect.Effect<Duration.Duration, NetworkError> => {
  const bound = Duration.fromInput(deadline)
  if (Option.isSome(bound) && Duration.isFinite(bound.value) && !Duration.isNegative(bound.value))
    return Effect.succeed(bound.value)
  const reason = new InvalidConfig({ setting: "deadline", detail: `${String(deadline)} is no bounded time` })
  return Effect.fail(new NetworkError({ operation: "connect", reason }))
}

/** The error of an opening that was not over in time. */
export const late = (endpoint: string, duration: Duration.Input, tried: NetworkError["tried"] = []): NetworkError => {
  const reason = new Timeout({ afterMillis: Duration.toMillis(duration), endpoint })
  return new NetworkError({ operation: "connect", reason, ...(tried.length === 0 ? {} : { tried }) })
}

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Fabric["Service"]["connect"]> {
  const { check, owners, registry, timeouts } = options
  const random = yield* Random.Random

  /** Hears of each change of a name, the state that there is first; done when the registry is. */
  const changesOf = Effect.fnUntraced(function* (name: string) {
    const changes = yield* Queue.sliding<void, Cause.Done>(1)
    const watching = yield* registry.watch(name).pipe(
      Stream.filter((event) => event._tag === "Snapshot" || event.entry.name === name),
      Stream.runForEach(() => Queue.offer(changes, undefined)),
      Effect.ensuring(Queue.end(changes)),
      Effect.forkChild
    )
    return { changes, stop: Fiber.interrupt(watching) }
  })

  /** Tries again what fails for the moment, after news of the name or a pause that grows. */
  const patiently = <A>(name: string, once: Effect.Effect<A, NetworkError, Scope.Scope>, error: NetworkError) =>
    Effect.acquireUseRelease(
      changesOf(name),
      Effect.fnUntraced(function* ({ changes }): Effect.fn.Return<A, NetworkError, Scope.Scope> {
        const closed = Effect.flatMap(options.self, ({ id }) =>
          Effect.fail(new NetworkError({ operation: "connect", reason: new FabricClosed({ host: id }) }))
        )
        const change = Effect.catch(Queue.take(changes), () => closed)
        let last = error
        for (let pause: number = pauseMillis.first; ; pause = Math.min(2 * pause, pauseMillis.most)) {
          const isAsked = last.reason._tag !== "EndpointNotFound" || last.tried !== undefined
          const jittered = pause * (0.5 + random.nextDoubleUnsafe() / 2)
          yield* isAsked ? Effect.raceFirst(change, Effect.sleep(jittered)) : change
          yield* check("connect", name)
          const tried = yield* Effect.result(once)
          if (Result.isSuccess(tried)) return tried.success
          if (!FlowCaller.isPassing(tried.failure)) return yield* Effect.fail(tried.failure)
          last = tried.failure
        }
      }),
      ({ stop }) => stop
    )

  return Effect.fn("Fabric.connect")(function* <In, Out, E>(
    contract: Contract<In, Out, E>,
    { deadline, path, select = "nearest", timeout = connectTimeout, wait = false }: ConnectOptions = {}
  ): Effect.fn.Return<Flow<In, Out, E>, NetworkError, Scope.Scope> {
    const { name } = contract
    yield* check("connect", name)
    const bound = deadline === undefined ? undefined : yield* boundOf(deadline)
    const call: FlowCaller.Call = {
      ...(bound === undefined ? {} : { deadlineAt: (yield* FlowDeadline.now) + Duration.toMillis(bound) }),
      ...(path === undefined ? {} : { path })
    }
    let tries: Tries | undefined
    const began = (begun: Tries): void => {
      tries = begun
    }
    const once = Effect.flatMap(registry.resolve(name), (found) =>
      owners.dialOne(found, contract, { select, call, began })
    )
    const opening = wait
      ? Effect.catch(once, (error) => (FlowCaller.isPassing(error) ? patiently(name, once, error) : Effect.fail(error)))
      : once
    const duration = bound === undefined ? timeout : Duration.min(bound, Duration.fromInputUnsafe(timeout))
    const opened = yield* Timeouts.within(timeouts, opening, duration)
    return Option.isSome(opened)
      ? opened.value
      : yield* Effect.fail(late(name, duration, tries === undefined ? [] : triedOf(tries)))
  })
})
