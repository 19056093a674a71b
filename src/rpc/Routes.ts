/**
 * Which flow a call takes: one for each owner, opened by the first call to it and kept until it is over.
 *
 * "nearest" stays with the owner that was the nearest when its flow was opened. The others choose for each call: "leastBusy" by the
 * calls in flight from here.
 */
import { Deferred, Effect, Exit, Random, type Scope } from "effect"
import * as Background from "../layers/core/Background.ts"
import * as Select from "../protocol/names/Select.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import type { Registry } from "../services/Registry.ts"
import { type ClientFlow, SharedFlow } from "./SharedFlow.ts"

export interface Options {
  readonly name: string
  readonly registry: Registry["Service"]
  readonly connect: (select: Select.Select) => Effect.Effect<ClientFlow, NetworkError, Scope.Scope>
}

export interface Routes {
  readonly get: (select: Select.Select) => Effect.Effect<SharedFlow, NetworkError>
}

/** How "nearest" is known among the routes: no host is named so. */
const nearest = ""

/** Place of this host, which counts for "nearest" only: `connect` looks at that. */
const anywhere: Select.Place = { id: "", locality: "" }

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Routes, never, Scope.Scope> {
  const { connect, name, registry } = options
  const random = yield* Random.Random
  const run = yield* Background.makeRun("a shared flow of calls")
  /** Flows by the id of their owner; one of them also as the nearest. */
  const open = new Map<string, SharedFlow>()
  const opening = new Map<string, Deferred.Deferred<SharedFlow, NetworkError>>()
  let isClosed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
    })
  )

  const usable = (route: string): SharedFlow | undefined => {
    const shared = open.get(route)
    return shared?.isRetired === false ? shared : undefined
  }

  /** Opens a flow and serves its calls until it is over. */
  const hold = Effect.fnUntraced(function* (
    route: string,
    connected: ReturnType<Options["connect"]>,
    opened: Deferred.Deferred<SharedFlow, NetworkError>
  ) {
    const flow = yield* Effect.onExit(connected, (exit) => {
      opening.delete(route)
      return Exit.isFailure(exit) ? Deferred.failCause(opened, exit.cause) : Effect.void
    })
    const owner = flow.peer.id
    const other = usable(owner)
    const shared = other ?? new SharedFlow(flow, run)
    open.set(owner, shared)
    if (route === nearest) open.set(route, shared)
    yield* Deferred.succeed(opened, shared)
    if (other !== undefined) return yield* Effect.ignore(flow.end)
    const retiring = Effect.andThen(
      flow.draining,
      Effect.sync(() => shared.retire())
    )
    yield* Effect.raceFirst(shared.reading, Effect.andThen(retiring, Effect.never))
    for (const [known, its] of open) if (its === shared) open.delete(known)
  }, Effect.scoped)

  const openTo = (route: string, connected: ReturnType<Options["connect"]>) =>
    Effect.suspend(() => {
      const known = opening.get(route)
      if (known !== undefined) return Deferred.await(known)
      const opened = Deferred.makeUnsafe<SharedFlow, NetworkError>()
      opening.set(route, opened)
      run(Effect.catch(hold(route, connected, opened), () => Effect.void))
      return Deferred.await(opened)
    })

  /** Chooses an owner for one call. The flow is to another owner if that one takes none. */
  const choose = Effect.fnUntraced(function* (select: Exclude<Select.Select, "nearest" | { readonly host: string }>) {
    const owners = (yield* registry.resolve(name)).map(({ host }) => ({
      id: host.id,
      locality: host.locality,
      flows: open.get(host.id)?.size ?? 0
    }))
    const [first] = Select.order(owners, select, anywhere, () => random.nextDoubleUnsafe())
    if (first === undefined) return yield* openTo(nearest, connect(select))
    const known = usable(first.id)
    if (known !== undefined) return known
    if (typeof select === "object") return yield* openTo(first.id, connect(select))
    const otherwise = (error: NetworkError) => (error.delivered === "no" ? connect(select) : Effect.fail(error))
    return yield* openTo(first.id, Effect.catch(connect({ host: first.id }), otherwise))
  })

  return {
    get: (select) =>
      Effect.suspend(() => {
        if (isClosed) return Effect.interrupt
        if (select !== "nearest" && !(typeof select === "object" && "host" in select)) return choose(select)
        const route = select === "nearest" ? nearest : select.host
        const known = usable(route)
        return known === undefined ? openTo(route, connect(select)) : Effect.succeed(known)
      })
  }
})
