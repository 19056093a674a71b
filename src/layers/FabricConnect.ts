/**
 * Connecting: which owner of a name to try, and which one after it.
 */
import { Duration, Effect, FiberMap, Option, Queue, Random, Schedule, type Scope, Stream } from "effect"
import * as Select from "../protocol/names/Select.ts"
import type { Contract } from "../services/Contract.ts"
import type { ConnectOptions, Fabric } from "../services/Fabric.ts"
import type { Flow } from "../services/Flow.ts"
import type { Gossip } from "../services/Gossip.ts"
import type { Host } from "../services/Host.ts"
import { EndpointNotFound, NetworkError, Timeout } from "../services/NetworkError.ts"
import type { Entry, Registry } from "../services/Registry.ts"
import type { OpenFlow } from "./FabricFlows.ts"

export interface Options {
  readonly self: Effect.Effect<Host>
  readonly registry: Registry["Service"]
  readonly open: OpenFlow
  readonly roundTripMillis: Gossip["Service"]["roundTripMillis"]
  readonly check: (operation: NetworkError["operation"], name: string) => Effect.Effect<void, NetworkError>
}

const connectTimeout = Duration.seconds(10)

const reopen = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)

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

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Pick<Fabric["Service"], "connect" | "connectEach">> {
  const { check, open, registry, roundTripMillis } = options
  const random = yield* Random.Random

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
    const { id, locality } = yield* options.self
    const candidates = yield* Effect.forEach(owners, ({ host }) =>
      Effect.map(
        select === "nearest" && owners.length > 1 ? roundTripMillis(host.id) : Effect.undefined,
        (roundTripMillis) => ({ id: host.id, locality: host.locality, roundTripMillis, host })
      )
    )
    const inOrder = Select.order(candidates, select, { id, locality }, () => random.nextDoubleUnsafe())
    const reason = new EndpointNotFound({ endpoint: contract.name })
    const none: Effect.Effect<Flow<In, Out, E>, NetworkError, Scope.Scope> = Effect.fail(
      new NetworkError({ operation: "connect", reason })
    )
    return yield* inOrder.reduceRight(
      (next, { host }, index) =>
        Effect.catch(open(host, contract), (error) =>
          isPassedOver(error) && index < inOrder.length - 1 ? next : Effect.fail(error)
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
            open(host, contract).pipe(
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

  return { connect, connectEach }
})
