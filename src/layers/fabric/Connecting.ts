/**
 * Connecting: opens one flow to an owner of a name, within a time.
 */
import {
  type Cause,
  Duration,
  Effect,
  Fiber,
  Option,
  Predicate,
  Queue,
  Random,
  Redacted,
  Result,
  type Scope,
  Stream
} from "effect"
import { pathLengthMax } from "../../protocol/flow/Frame.ts"
import * as Metadata from "../../protocol/flow/Metadata.ts"
import * as Name from "../../protocol/Name.ts"
import type { Contract } from "../../services/Contract.ts"
import type { ConnectOptions, Fabric, MetadataInput } from "../../services/Fabric.ts"
import type { Flow } from "../../services/Flow.ts"
import type { Host } from "../../services/Host.ts"
import { FabricClosed, InvalidConfig, NetworkError, Timeout } from "../../services/NetworkError.ts"
import type { Registry } from "../../services/Registry.ts"
import * as Monotonic from "../core/Monotonic.ts"
import * as Timeouts from "../core/Timeouts.ts"
import * as Deadline from "../flow/Deadline.ts"
import * as Opening from "../flow/Opening.ts"
import type { Owners, Tries } from "./Owners.ts"
import { triedOf } from "./Owners.ts"

export interface Options {
  readonly self: Effect.Effect<Host>
  readonly registry: Registry["Service"]
  readonly owners: Owners
  /** Timeouts of `connectTimeout`. */
  readonly timeouts: Timeouts.Timeouts
  readonly check: (operation: NetworkError["operation"], name: string) => Effect.Effect<void, NetworkError>
}

export const connectTimeout = Duration.seconds(10)

/** Pauses between the tries of a connect that waits, in ms, shortened by jitter. News of the name ends one. */
const pauseMillis = { first: 100, most: 1_000 } as const

const invalid = (setting: string, detail: string): Effect.Effect<never, NetworkError> =>
  Effect.fail(new NetworkError({ operation: "connect", reason: new InvalidConfig({ setting, detail }) }))

/** Returns a duration in milliseconds, which may be infinite. Errors: InvalidConfig for `setting`. */
const millisOf = (setting: string, given: Duration.Input): Effect.Effect<number, NetworkError> => {
  const duration = Number.isNaN(given) ? Option.none() : Duration.fromInput(given)
  return Option.isNone(duration) || Duration.isNegative(duration.value)
    ? invalid(setting, `${String(given)} is no time`)
    : Effect.succeed(Duration.toMillis(duration.value))
}

/** Returns the deadline on the monotonic clock: the sooner of `deadline` and the inherited one, none if infinite. */
const endOf = Effect.fnUntraced(function* (deadline: Duration.Input | undefined) {
  const inherited = yield* Deadline.Inherited
  if (deadline === undefined) return inherited
  const millis = yield* millisOf("deadline", deadline)
  if (millis === Number.POSITIVE_INFINITY) return undefined
  return Math.min((yield* Monotonic.now) + millis, inherited ?? Number.MAX_SAFE_INTEGER)
})

/** Checks how many hosts have passed a flow on, and their names. Errors: InvalidConfig. */
const checkPath = (path: ReadonlyArray<string>): Effect.Effect<void, NetworkError> => {
  if (path.length > pathLengthMax)
    return invalid("path", `${path.length} hosts, at most ${pathLengthMax} may pass a flow on`)
  const wrong = path.find((id) => Name.violation(id) !== undefined)
  return wrong === undefined ? Effect.void : invalid("path", `"${wrong}" ${Name.violation(wrong)}`)
}

/** Whether all contents are fields of the object itself, unlike those of a `Map`, `Headers` or a string. */
const isPlain = (given: unknown): boolean => {
  if (!Predicate.isReadonlyObject(given)) return false
  const prototype: unknown = Object.getPrototypeOf(given)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Parses the metadata of a caller; undefined when it is empty. Errors: InvalidConfig, which names no value. */
export const metadataOf = (
  given: MetadataInput | undefined
): Effect.Effect<Metadata.Metadata | undefined, NetworkError> => {
  if (given === undefined) return Effect.undefined
  if (given instanceof Metadata.Metadata) return Effect.succeed(given.size === 0 ? undefined : given)
  if (!isPlain(given)) return invalid("metadata", "it is no plain object of keys and values")
  const entries = Object.entries(given).map(
    ([key, value]) => [key, Redacted.isRedacted(value) ? Redacted.value(value) : value] as const
  )
  return Result.match(Metadata.parse(entries), {
    onFailure: (detail) => invalid("metadata", detail),
    onSuccess: (metadata) => Effect.succeed(metadata.size === 0 ? undefined : metadata)
  })
}

/** Makes the Timeout of an opening, with the owners that were tried till then. */
export const late = (endpoint: string, millis: number, tries: Tries | undefined): NetworkError => {
  const tried = tries === undefined ? [] : (triedOf(tries) ?? [])
  const isAsked = tries?.all.some(({ owner, status }) => status === "opening" && !Opening.isCareful(owner.host))
  return new NetworkError({
    operation: "connect",
    reason: new Timeout({ afterMillis: Math.ceil(millis), endpoint }),
    delivered: isAsked === true ? "maybe" : "no",
    ...(tried.length === 0 ? {} : { tried })
  })
}

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Fabric["Service"]["connect"]> {
  const { check, owners, registry, timeouts } = options
  const random = yield* Random.Random

  /** Signals each change of a name, the present state first; done when the registry is closed. */
  const changesOf = Effect.fnUntraced(function* (name: string) {
    const changes = yield* Queue.sliding<void, Cause.Done>(1)
    const watching = yield* registry.watch(name).pipe(
      Stream.filter((event) => event._tag === "Snapshot" || event.entry.name === name),
      Stream.runForEach(() => Queue.offer(changes, undefined)),
      Effect.ensuring(Queue.end(changes)),
      Effect.forkChild // tidy: its end, however it comes, ends the queue
    )
    return { changes, stop: Fiber.interrupt(watching) }
  })

  /** Tries again after a passing failure, at news of the name or after a pause that grows. */
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
          if (!Opening.isPassing(tried.failure)) return yield* Effect.fail(tried.failure)
          last = tried.failure
        }
      }),
      ({ stop }) => stop
    )

  return Effect.fn("Fabric.connect")(function* <In, Out, E>(
    contract: Contract<In, Out, E>,
    { deadline, metadata, path, select = "nearest", timeout = connectTimeout, wait = false }: ConnectOptions = {}
  ): Effect.fn.Return<Flow<In, Out, E>, NetworkError, Scope.Scope> {
    const { name } = contract
    yield* check("connect", name)
    yield* checkPath(path ?? [])
    const said = metadata === undefined ? undefined : yield* metadataOf(metadata)
    const timeoutMillis = yield* millisOf("timeout", timeout)
    const deadlineAt = yield* endOf(deadline)
    const call: Opening.Call = {
      ...(deadlineAt === undefined ? {} : { deadlineAt }),
      ...(path === undefined ? {} : { path }),
      ...(said === undefined ? {} : { metadata: said })
    }
    let tries: Tries | undefined
    const began = (begun: Tries): void => {
      tries = begun
    }
    const once = Effect.flatMap(registry.resolve(name), (found) =>
      owners.dialOne(found, contract, { select, call, began })
    )
    const opening = wait
      ? Effect.catch(once, (error) => (Opening.isPassing(error) ? patiently(name, once, error) : Effect.fail(error)))
      : once
    const leftMillis = deadlineAt === undefined ? Number.POSITIVE_INFINITY : deadlineAt - (yield* Monotonic.now)
    const millis = Math.max(0, Math.min(leftMillis, timeoutMillis))
    const opened = yield* Timeouts.within(timeouts, opening, millis)
    if (Option.isNone(opened)) return yield* Effect.fail(late(name, millis, tries))
    opened.value.start()
    return opened.value.flow
  })
})
