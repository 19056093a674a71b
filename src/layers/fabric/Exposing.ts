/**
 * Exposing: holds endpoints under names, for as long as their scopes live.
 */
import { Duration, Effect, Exit, type LogLevel, Option, Predicate, References, Result, Scope } from "effect"
import * as Access from "../../services/Access.ts"
import { type Contract, told } from "../../services/Contract.ts"
import type { ExposeOptions, Exposure, Fabric, Handler } from "../../services/Fabric.ts"
import type { Host } from "../../services/Host.ts"
import { InvalidConfig, NameTaken, NetworkError } from "../../services/NetworkError.ts"
import type { Registry } from "../../services/Registry.ts"
import * as Background from "../core/Background.ts"
import * as Signal from "../core/Signal.ts"
import type { Audit } from "../flow/Audit.ts"
import * as Authorizing from "../flow/Authorizing.ts"
import type { Exposed } from "../flow/Exposed.ts"
import * as Serving from "../flow/Serving.ts"
import * as Settings from "../flow/Settings.ts"
import * as ReservedNames from "../registry/ReservedNames.ts"

export interface Options {
  readonly selfId: string
  readonly registry: Registry["Service"]
  readonly check: (operation: NetworkError["operation"], name: string) => Effect.Effect<void, NetworkError>
  readonly flows: Serving.Config
  /** Log level of the events of endpoints. */
  readonly level: LogLevel.Severity
  /** Rule of the host for callers of any of its endpoints. */
  readonly access: Access.Policy
  /** Looks up a host in the membership. */
  readonly hostOf: (id: string) => Host | undefined
  readonly audit: Audit
}

export interface Exposing {
  readonly expose: Fabric["Service"]["expose"]
  readonly find: (name: string) => Exposed | undefined
  /** Withdraws all names at once, each with its drain, for a host that goes: scopes of endpoints may outlive it. */
  readonly withdraw: Effect.Effect<void>
  /** Notified when there is an endpoint more or less, and by `Core` when the status of the host changes. */
  readonly changed: Signal.Signal
}

/** Time that a closed endpoint has to tell its callers. */
const closeTimeout = Duration.millis(500)

/** Refuses an `Access` that is provided around an endpoint and not to its host, where it would have no effect. */
const checkAround = (around: Access.Policy, access: Access.Policy): Effect.Effect<void, NetworkError> => {
  if (around === access || around === Access.Access.defaultValue()) return Effect.void
  const detail =
    "Access.layer is not beneath the host of this endpoint, where alone it counts: provide it to the layer of the host"
  return Effect.fail(
    new NetworkError({ operation: "expose", reason: new InvalidConfig({ setting: "access", detail }) })
  )
}

/** Parses whether open flows are to be ended. Errors: InvalidConfig for anything but "keep" and "end". */
const endsOpenFlows = (given: unknown): Result.Result<boolean, NetworkError> => {
  const said: Readonly<Record<string, unknown>> = Predicate.isReadonlyObject(given) ? given : { given }
  const { openFlows = "keep", ...odd } = said
  if ((openFlows === "keep" || openFlows === "end") && Object.keys(odd).length === 0)
    return Result.succeed(openFlows === "end")
  const detail = 'say { openFlows: "keep" } or { openFlows: "end" }, and nothing else'
  return Result.fail(
    new NetworkError({ operation: "expose", reason: new InvalidConfig({ setting: "openFlows", detail }) })
  )
}

/** A name that is held, and the scope around it. */
interface Held {
  readonly around: Scope.Scope
  /** Closes the scope of the name once, and waits until it is closed. */
  readonly close: Effect.Effect<void>
}

export const make = ({ access, audit, check, flows, hostOf, level, registry, selfId }: Options): Exposing => {
  const exposed = new Map<string, Exposed>()
  const all = new Set<Held>()

  const closeAll = (isMeant: (held: Held) => boolean): Effect.Effect<void> =>
    Effect.suspend(() =>
      Effect.forEach([...all].filter(isMeant), ({ close }) => close, { concurrency: "unbounded", discard: true })
    )

  /**
   * Runs an effect in a scope of its own, which a failure closes at once. The scope around it closes all scopes that
   * are held there together, so that their drains run at a time; another close waits until that is done.
   */
  const inOwn = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
    const around = yield* Effect.scope
    const own = Scope.makeUnsafe()
    const closing = Effect.ensuring(
      Scope.close(own, Exit.void),
      Effect.sync(() => all.delete(held))
    )
    const held: Held = { around, close: yield* Effect.cached(closing) }
    all.add(held)
    yield* Scope.addFinalizer(
      around,
      closeAll((other) => other.around === around)
    )
    return yield* effect.pipe(
      Scope.provide(own),
      Effect.onExit((exit) => (Exit.isFailure(exit) ? held.close : Effect.void))
    )
  })
  const changed = Signal.make()

  /** Checks and takes a name in one step: of two that expose it at once, one gets it. */
  const take = (name: string, endpoint: Exposed): Effect.Effect<void, NetworkError> =>
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
    yield* ReservedNames.check(name)
    yield* checkAround(yield* Access.Access, access)
    const { allow = "members", ownersDiffer = false, ...bounds } = options
    const config: Serving.Config = { ...flows, ...bounds }
    yield* Settings.checkEndpoint(config)
    const context = yield* Effect.context<Exclude<R, Scope.Scope>>()
    const policy = yield* Effect.fromResult(Access.read(allow, "expose", "allow"))
    const rule = Authorizing.make({ endpoint: name, allow: policy, access, ownersDiffer, hostOf, audit, context })
    const endpoint = Serving.expose(contract, handler, { context, config, access: rule })
    let isHeld = false
    const close = (drain: Duration.Input) =>
      Effect.gen(function* () {
        if (exposed.get(name) === endpoint) exposed.delete(name)
        Signal.notify(changed)
        const flows = yield* endpoint.stop
        const left =
          flows === 0 ? "" : `: ${flows} of its flows have ${Duration.format(Duration.fromInputUnsafe(drain))} to end`
        if (isHeld) yield* Effect.logWithLevel(level)(`"${name}" is withdrawn${left}`)
        isHeld = false
        yield* Effect.timeoutOption(endpoint.idle, drain)
        yield* endpoint.close
        const idle = yield* Effect.timeoutOption(endpoint.idle, closeTimeout)
        if (Option.isSome(idle)) return
        const stubborn = yield* endpoint.abandon
        if (stubborn === 0) return
        yield* Effect.logWarning(
          `"${name}" is closed, and ${stubborn} of its handlers do not let themselves be interrupted`
        )
      }).pipe(Effect.provideContext(context))
    const serve = Effect.gen(function* () {
      yield* Effect.acquireRelease(take(name, endpoint), () => close(config.drain))
      const claimed = yield* registry.claim({ name, ownership: contract.ownership, ...told(contract) })
      isHeld = true
      return claimed
    })
    const { lost } = yield* inOwn(serve)
    yield* Background.run(
      "closing a lost name",
      Effect.catch(lost, () => close(Duration.zero))
    )
    const change: Exposure["allow"] = (allow, options = {}) =>
      Effect.gen(function* () {
        const policy = yield* Effect.fromResult(Access.read(allow, "expose", "allow"))
        const isEnding = yield* Effect.fromResult(endsOpenFlows(options))
        rule.set(policy)
        const ended = isEnding ? yield* endpoint.revise : 0
        const left = ended === 0 ? "" : `, and ${ended} of its flows are ended by it`
        yield* Effect.logWithLevel(level)(`"${name}" has another rule of who may call${left}`)
        return ended
      }).pipe(Effect.provideContext(context))
    return { lost, allow: change, annotations: yield* References.CurrentLogAnnotations }
  })

  return {
    expose,
    find: (name) => exposed.get(name),
    changed,
    withdraw: closeAll(() => true)
  }
}
