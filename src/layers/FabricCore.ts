/**
 * Exposing and connecting, over any registry and any way to reach another host. A flow within this host is a pair of
 * queues, with the same rules.
 */
import {
  Deferred,
  Duration,
  Effect,
  Exit,
  FiberMap,
  FiberSet,
  Option,
  Queue,
  Random,
  Schedule,
  Scope,
  Stream
} from "effect"
import * as Name from "../protocol/Name.ts"
import * as Select from "../protocol/names/Select.ts"
import type { Contract } from "../services/Contract.ts"
import type { ConnectOptions, Exposure, Fabric, Handler } from "../services/Fabric.ts"
import type { Flow } from "../services/Flow.ts"
import type { Host } from "../services/Host.ts"
import {
  EndpointNotFound,
  FabricClosed,
  NameInvalid,
  NameTaken,
  NetworkError,
  type NetworkErrorReason,
  Timeout
} from "../services/NetworkError.ts"
import type { Entry, Registry } from "../services/Registry.ts"
import { type Link, LinkBroken, type Transport } from "../services/Transport.ts"
import * as FlowCaller from "./FlowCaller.ts"
import * as FlowServer from "./FlowServer.ts"
import * as LinkPair from "./LinkPair.ts"
import * as Signal from "./Signal.ts"

export interface Options {
  readonly self: Effect.Effect<Host>
  readonly selfId: string
  readonly registry: Registry["Service"]
  readonly dial: Transport["Service"]["dial"]
  readonly join: Fabric["Service"]["join"]
  readonly leave: Fabric["Service"]["leave"]
  readonly flows: FlowServer.Config
}

export interface Core {
  readonly fabric: Fabric["Service"]
  /** Serves a link that came from another host. */
  readonly answer: (link: Link) => Effect.Effect<void, never, Scope.Scope>
}

const connectTimeout = Duration.seconds(10)

/** How long an endpoint that is no longer exposed waits until its callers know. */
const closeTimeout = Duration.seconds(1)

const reopen = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)

/** How long a flow that was ended and left in good order may take until its peer has read it and finished. */
const lingerTimeout = Duration.seconds(5)

/** Runs in a child of the scope, which a failure closes at once. */
const inChild = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  return yield* effect.pipe(
    Scope.provide(scope),
    Effect.onExit((exit) => (Exit.isFailure(exit) ? Scope.close(scope, exit) : Effect.void))
  )
})

/** The owner has not seen the flow and another may take it. */
const isPassedOver = ({ reason }: NetworkError): boolean => {
  switch (reason._tag) {
    case "EndpointNotFound":
    case "EndpointBusy":
    case "HostUnreachable":
    case "Incompatible":
    case "FabricClosed":
      return true
    default:
      return false
  }
}

export const make = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Core, never, Scope.Scope> {
  const { flows, registry, selfId } = options
  const random = yield* Random.Random
  const exposed = new Map<string, FlowServer.Exposed>()
  const runLocal = yield* FiberSet.makeRuntime<never, void>()
  const runLingering = yield* FiberSet.makeRuntime<never, void>()
  const open = new Set<Scope.Closeable>()
  const changed = Signal.make()
  let lingering = 0
  let hasLeft = false

  const check = (operation: NetworkError["operation"], name: string): Effect.Effect<void, NetworkError> =>
    Effect.suspend(() => {
      const fail = (reason: NetworkErrorReason) => Effect.fail(new NetworkError({ operation, reason }))
      if (hasLeft) return fail(new FabricClosed({ host: selfId }))
      const rule = Name.violation(name)
      return rule === undefined ? Effect.void : fail(new NameInvalid({ name, rule }))
    })

  const answer = (link: Link) =>
    FlowServer.answer(link, { self: selfId, find: (name) => exposed.get(name), config: flows })

  // Exposing

  const expose = Effect.fn("Fabric.expose")(function* <In, Out, E, R>(
    contract: Contract<In, Out, E>,
    handler: Handler<In, Out, E, R>
  ): Effect.fn.Return<Exposure, NetworkError, Exclude<R, Scope.Scope> | Scope.Scope> {
    const { name } = contract
    yield* check("expose", name)
    if (exposed.has(name)) {
      return yield* new NetworkError({ operation: "expose", reason: new NameTaken({ name, owner: selfId }) })
    }
    const context = yield* Effect.context<Exclude<R, Scope.Scope>>()
    const closed = yield* Deferred.make<void>()
    const endpoint = FlowServer.expose(contract, handler, { context, closed: Deferred.await(closed), config: flows })
    const close = Effect.suspend(() => {
      if (exposed.get(name) === endpoint) exposed.delete(name)
      return Effect.andThen(Deferred.succeed(closed, undefined), Effect.timeoutOption(endpoint.idle, closeTimeout))
    })
    const serve = Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => exposed.set(name, endpoint)),
        () => close
      )
      return yield* registry.claim({ name, ownership: contract.ownership, contract: contract.fingerprint })
    })
    const { lost } = yield* inChild(serve)
    yield* Effect.forkScoped(Effect.catch(lost, () => close))
    return { lost }
  })

  // Connecting

  /** A link to an endpoint of this very host. */
  const dialSelf: Effect.Effect<Link, never, Scope.Scope> = Effect.gen(function* () {
    const [caller, server] = LinkPair.make()
    const leave = (end: LinkPair.LinkEnd, detail: string) =>
      Effect.sync(() => end.breakWith(new LinkBroken({ how: "reset", detail })))
    yield* Effect.addFinalizer(() => leave(caller, "the caller left its scope"))
    runLocal(Effect.ensuring(Effect.scoped(answer(server.link)), leave(server, "the endpoint is gone")))
    return caller.link
  })

  const dial = Effect.fnUntraced(function* <In, Out, E>(host: Host, contract: Contract<In, Out, E>) {
    const link = host.id === selfId ? yield* dialSelf : yield* options.dial(host)
    return yield* FlowCaller.open(link, contract, { caller: selfId, host, limits: flows.limits })
  })

  /** A flow lives in a scope of its own: its caller's, or this fabric's when the caller goes before all has arrived. */
  const attempt = Effect.fnUntraced(function* <In, Out, E>(host: Host, contract: Contract<In, Out, E>) {
    const own = yield* Scope.make()
    open.add(own)
    const close = (exit: Exit.Exit<unknown, unknown>) =>
      Effect.andThen(
        Scope.close(own, exit),
        Effect.sync(() => open.delete(own))
      )
    const { flow, linger } = yield* dial(host, contract).pipe(
      Scope.provide(own),
      Effect.onExit((exit) => (Exit.isFailure(exit) ? close(exit) : Effect.void))
    )
    yield* Effect.addFinalizer((exit) => {
      if (Exit.isFailure(exit)) return close(exit)
      lingering += 1
      const leave = Effect.ensuring(
        Effect.timeoutOption(linger, lingerTimeout),
        Effect.andThen(
          close(exit),
          Effect.sync(() => {
            lingering -= 1
            changed.notify()
          })
        )
      )
      return Effect.sync(() => runLingering(Effect.asVoid(leave)))
    })
    return flow
  })

  /** The last flows to go get their time; then whatever is still open is closed. */
  yield* Effect.addFinalizer((exit) =>
    Effect.andThen(
      Effect.timeoutOption(
        changed.until(() => lingering === 0),
        lingerTimeout
      ),
      Effect.suspend(() => Effect.forEach([...open], (scope) => Scope.close(scope, exit), { discard: true }))
    )
  )

  /** The owners of a name, once there are any. */
  const appearing = (name: string): Effect.Effect<ReadonlyArray<Entry>, NetworkError> =>
    registry.watch(name).pipe(
      Stream.mapEffect(() => registry.resolve(name)),
      Stream.filter((owners) => owners.length > 0),
      Stream.runHead,
      Effect.map(Option.getOrElse(() => []))
    )

  const tryEach = Effect.fnUntraced(function* <In, Out, E>(
    owners: ReadonlyArray<Entry>,
    contract: Contract<In, Out, E>,
    select: Select.Select
  ) {
    const self = yield* options.self
    const hosts = Select.order(
      owners.map(({ host }) => host),
      select,
      self,
      () => random.nextDoubleUnsafe()
    )
    const reason = new EndpointNotFound({ endpoint: contract.name })
    const none: Effect.Effect<Flow<In, Out, E>, NetworkError, Scope.Scope> = Effect.fail(
      new NetworkError({ operation: "connect", reason })
    )
    return yield* hosts.reduceRight(
      (next, host, index) =>
        Effect.catch(attempt(host, contract), (error) =>
          isPassedOver(error) && index < hosts.length - 1 ? next : Effect.fail(error)
        ),
      none
    )
  })

  const connect = Effect.fn("Fabric.connect")(function* <In, Out, E>(
    contract: Contract<In, Out, E>,
    { select = "nearest", timeout = connectTimeout, wait = false }: ConnectOptions = {}
  ): Effect.fn.Return<Flow<In, Out, E>, NetworkError, Scope.Scope> {
    yield* check("connect", contract.name)
    const resolved = wait ? appearing(contract.name) : registry.resolve(contract.name)
    const inTurn = Effect.flatMap(resolved, (owners) => tryEach(owners, contract, select))
    return yield* Effect.timeoutOrElse(inTurn, {
      duration: timeout,
      orElse: () => {
        const afterMillis = Duration.toMillis(Duration.fromInputUnsafe(timeout))
        return Effect.fail(new NetworkError({ operation: "connect", reason: new Timeout({ afterMillis }) }))
      }
    })
  })

  const connectEach = <In, Out, E>(contract: Contract<In, Out, E>): Stream.Stream<Flow<In, Out, E>, NetworkError> =>
    Stream.callback<Flow<In, Out, E>, NetworkError>(
      Effect.fnUntraced(
        function* (queue) {
          yield* check("connect", contract.name)
          const flowsByHost = yield* FiberMap.make<string>()
          const hold = (host: Host) =>
            attempt(host, contract).pipe(
              Effect.retry({ schedule: reopen, while: isPassedOver }),
              Effect.flatMap((flow) => Queue.offer(queue, flow)),
              Effect.andThen(Effect.never),
              Effect.scoped,
              Effect.catch((error) => Queue.fail(queue, error))
            )
          const up = (host: Host) => FiberMap.run(flowsByHost, host.id, hold(host))
          yield* registry.watch(contract.name).pipe(
            Stream.runForEach((event) => {
              if (event._tag === "Snapshot") {
                const owners = event.entries.filter(({ name }) => name === contract.name)
                return Effect.forEach(owners, ({ host }) => up(host), { discard: true })
              }
              if (event.entry.name !== contract.name) return Effect.void
              const { host } = event.entry
              return event._tag === "Up" ? Effect.asVoid(up(host)) : FiberMap.remove(flowsByHost, host.id)
            })
          )
        },
        (effect) => Effect.scoped(effect)
      ),
      { bufferSize: 64 }
    )

  const leave = Effect.suspend(() => {
    hasLeft = true
    return options.leave
  })

  return { fabric: { self: options.self, expose, connect, connectEach, join: options.join, leave }, answer }
})
