/**
 * Exposing: endpoints under names, for as long as their scopes live.
 */
import { Duration, Effect, Exit, Option, Scope } from "effect"
import { type Contract, told } from "../services/Contract.ts"
import type { ExposeOptions, Exposure, Fabric, Handler } from "../services/Fabric.ts"
import { NameTaken, NetworkError } from "../services/NetworkError.ts"
import type { Registry } from "../services/Registry.ts"
import * as Background from "./Background.ts"
import * as FlowServer from "./FlowServer.ts"
import * as FlowSettings from "./FlowSettings.ts"
import * as Signal from "./Signal.ts"

export interface Options {
  readonly selfId: string
  readonly registry: Registry["Service"]
  readonly check: (operation: NetworkError["operation"], name: string) => Effect.Effect<void, NetworkError>
  readonly flows: FlowServer.Config
}

export interface Exposing {
  readonly expose: Fabric["Service"]["expose"]
  readonly find: (name: string) => FlowServer.Exposed | undefined
  /** Withdraws all names at once, each with its drain: so it is a host that goes, whose endpoints may be in scopes that outlive it. */
  readonly withdraw: Effect.Effect<void>
  /** There is an endpoint more, or one less. */
  readonly changed: Signal.Signal
}

/** How long an endpoint that is no longer exposed waits until its callers know. */
const closeTimeout = Duration.millis(500)

export const make = ({ check, flows, registry, selfId }: Options): Exposing => {
  const exposed = new Map<string, FlowServer.Exposed>()
  const scopes = new Set<Scope.Closeable>()

  /** Runs in a child of the scope, which a failure closes at once. */
  const inChild = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
    const scope = yield* Scope.fork(yield* Effect.scope)
    scopes.add(scope)
    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => scopes.delete(scope))
    )
    return yield* effect.pipe(
      Scope.provide(scope),
      Effect.onExit((exit) => (Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void))
    )
  })
  const changed = Signal.make()

  /** Looks and takes in one step: of two who expose a name at once, one gets it. */
  const take = (name: string, endpoint: FlowServer.Exposed): Effect.Effect<void, NetworkError> =>
    Effect.suspend(() => {
      const reason = new NameTaken({ name, owner: selfId, isHere: true })
      if (exposed.has(name)) return Effect.fail(new NetworkError({ operation: "expose", reason }))
      exposed.set(name, endpoint)
      Signal.notify(changed)
      return Effect.void
    })

  const expose = Effect.fn("Fabric.expose")(function* <In, Out, E, R>(
    contract: Contract<In, Out, E>,
    handler: Handler<In, Out, E, R>,
    options: ExposeOptions = {}
  ): Effect.fn.Return<Exposure, NetworkError, Exclude<R, Scope.Scope> | Scope.Scope> {
    const { name } = contract
    yield* check("expose", name)
    const config: FlowServer.Config = { ...flows, ...options }
    yield* FlowSettings.checkEndpoint(config)
    const context = yield* Effect.context<Exclude<R, Scope.Scope>>()
    const endpoint = FlowServer.expose(contract, handler, { context, config })
    const close = (drain: Duration.Input) =>
      Effect.gen(function* () {
        if (exposed.get(name) === endpoint) exposed.delete(name)
        Signal.notify(changed)
        yield* endpoint.stop
        yield* Effect.timeoutOption(endpoint.idle, drain)
        yield* endpoint.close
        const idle = yield* Effect.timeoutOption(endpoint.idle, closeTimeout)
        if (Option.isSome(idle)) return
        const left = yield* endpoint.abandon
        yield* Effect.logWarning(
          `"${name}" is closed, and ${left} of its handlers do not let themselves be interrupted`
        )
      })
    const serve = Effect.gen(function* () {
      yield* Effect.acquireRelease(take(name, endpoint), () => close(config.drain))
      return yield* registry.claim({ name, ownership: contract.ownership, ...told(contract) })
    })
    const { lost } = yield* inChild(serve)
    yield* Background.run(
      "closing a lost name",
      Effect.catch(lost, () => close(Duration.zero))
    )
    return { lost }
  })

  return {
    expose,
    find: (name) => exposed.get(name),
    changed,
    withdraw: Effect.suspend(() =>
      Effect.forEach([...scopes], (scope) => Scope.close(scope, Exit.void), { concurrency: "unbounded", discard: true })
    )
  }
}
