/**
 * Connecting: which owner of a name to try, and which one after it.
 */
import { Duration, Effect, FiberMap, Option, Queue, Random, Schedule, type Scope, Stream } from "effect"
import { toHex } from "../protocol/Fingerprint.ts"
import { isSameContract } from "../protocol/names/NameRecords.ts"
import * as Select from "../protocol/names/Select.ts"
import { type Contract, common } from "../services/Contract.ts"
import type { ConnectOptions, Fabric } from "../services/Fabric.ts"
import type { Flow } from "../services/Flow.ts"
import type { Gossip } from "../services/Gossip.ts"
import type { Host } from "../services/Host.ts"
import { EndpointNotFound, Incompatible, InvalidConfig, NetworkError, Timeout } from "../services/NetworkError.ts"
import type { Entry, Registry } from "../services/Registry.ts"
import type { OpenFlow } from "./FabricFlows.ts"
import type * as FlowCaller from "./FlowCaller.ts"
import * as FlowDeadline from "./FlowDeadline.ts"
import * as Timeouts from "./Timeouts.ts"

export interface Options {
  readonly self: Effect.Effect<Host>
  readonly registry: Registry["Service"]
  readonly open: OpenFlow
  readonly roundTripMillis: Gossip["Service"]["roundTripMillis"]
  readonly check: (operation: NetworkError["operation"], name: string) => Effect.Effect<void, NetworkError>
}

const connectTimeout = Duration.seconds(10)

const reopen = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)

/** A deadline that can be kept. */
const boundOf = (deadline: Duration.Input): Effect.Effect<Duration.Duration, NetworkError> => {
  const bound = Duration.fromInput(deadline)
  if (Option.isSome(bound) && Duration.isFinite(bound.value) && !Duration.isNegative(bound.value))
    return Effect.succeed(bound.value)
  const reason = new InvalidConfig({ setting: "deadline", detail: `${String(deadline)} is no bounded time` })
  return Effect.fail(new NetworkError({ operation: "connect", reason }))
}

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

type Signed = Pick<Contract<never, never, never>, "codec" | "fingerprint" | "compatible" | "formers">

const incompatible = ({ contract, host, name }: Entry, ours: Signed): Incompatible => {
  const [there, here] = [toHex(contract), toHex(ours.fingerprint)]
  return new Incompatible({
    endpoint: name,
    host: host.id,
    detail: `contract ${there}, and here ${ours.codec} ${here}; neither declares the other compatible`,
    ours: { codec: ours.codec, fingerprint: here },
    theirs: { fingerprint: there }
  })
}

/** Whether nothing has changed but what the host says of itself: then its flow goes on. */
const isRelabelled = (a: Entry, b: Entry): boolean =>
  a.host !== b.host &&
  a.host.generation === b.host.generation &&
  a.host.address === b.host.address &&
  a.host.flowPort === b.host.flowPort &&
  isSameContract(a, b)

export const make = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<Pick<Fabric["Service"], "connect" | "connectEach">, never, Scope.Scope> {
  const { check, open, registry, roundTripMillis } = options
  const random = yield* Random.Random
  const timeouts = yield* Timeouts.make(connectTimeout)

  /** The owners of a name, once there are any. */
  const appearing = (name: string): Effect.Effect<ReadonlyArray<Entry>, NetworkError> =>
    registry.watch(name).pipe(
      Stream.mapEffect(() => registry.resolve(name)),
      Stream.filter((owners) => owners.length > 0),
      Stream.runHead,
      Effect.map(Option.getOrElse(() => []))
    )

  /** A flow to one owner, unless its record says that the two sides do not understand each other: then without a dial. */
  const dial = <In, Out, E>(entry: Entry, contract: Contract<In, Out, E>, call?: FlowCaller.Call) => {
    const fingerprint = common(contract, entry)
    return fingerprint === undefined
      ? Effect.fail(new NetworkError({ operation: "connect", reason: incompatible(entry, contract) }))
      : open(entry.host, { ...contract, fingerprint }, call)
  }

  /** The compatible owners in the order in which to try them; when there are none, the others. */
  const inOrder = Effect.fnUntraced(function* (owners: ReadonlyArray<Entry>, ours: Signed, select: Select.Select) {
    const candidates = yield* Effect.forEach(owners, (entry) => {
      const { id, locality } = entry.host
      const measured = select === "nearest" ? roundTripMillis(id) : Effect.undefined
      return Effect.map(measured, (roundTripMillis) => ({ id, locality, roundTripMillis, entry }))
    })
    const ordered = Select.order(candidates, select, yield* options.self, () => random.nextDoubleUnsafe())
    const entries = ordered.map(({ entry }) => entry)
    const compatible = entries.filter((entry) => common(ours, entry) !== undefined)
    return compatible.length > 0 ? compatible : entries
  })

  const tryEach = Effect.fnUntraced(function* <In, Out, E>(
    owners: ReadonlyArray<Entry>,
    contract: Contract<In, Out, E>,
    select: Select.Select,
    call: FlowCaller.Call
  ) {
    const entries = Select.isChoice(owners, select) ? yield* inOrder(owners, contract, select) : owners
    const from = (index: number): Effect.Effect<Flow<In, Out, E>, NetworkError, Scope.Scope> => {
      const entry = entries[index]
      if (entry === undefined) {
        const reason = new EndpointNotFound({ endpoint: contract.name })
        return Effect.fail(new NetworkError({ operation: "connect", reason }))
      }
      const dialled = dial(entry, contract, call)
      return index === entries.length - 1
        ? dialled
        : Effect.catch(dialled, (error) => (isPassedOver(error) ? from(index + 1) : Effect.fail(error)))
    }
    return yield* from(0)
  })

  const connect = Effect.fn("Fabric.connect")(function* <In, Out, E>(
    contract: Contract<In, Out, E>,
    { deadline, path, select = "nearest", timeout = connectTimeout, wait = false }: ConnectOptions = {}
  ): Effect.fn.Return<Flow<In, Out, E>, NetworkError, Scope.Scope> {
    yield* check("connect", contract.name)
    const resolved = wait ? appearing(contract.name) : registry.resolve(contract.name)
    const bound = deadline === undefined ? undefined : yield* boundOf(deadline)
    const call: FlowCaller.Call = {
      ...(bound === undefined ? {} : { deadlineAt: (yield* FlowDeadline.now) + Duration.toMillis(bound) }),
      ...(path === undefined ? {} : { path })
    }
    const inTurn = Effect.flatMap(resolved, (owners) => tryEach(owners, contract, select, call))
    const duration = bound === undefined ? timeout : Duration.min(bound, Duration.fromInputUnsafe(timeout))
    const opened = yield* Timeouts.within(timeouts, inTurn, duration)
    if (Option.isSome(opened)) return opened.value
    const reason = new Timeout({ afterMillis: Duration.toMillis(duration) })
    return yield* new NetworkError({ operation: "connect", reason })
  })

  const connectEach = <In, Out, E>(contract: Contract<In, Out, E>): Stream.Stream<Flow<In, Out, E>, NetworkError> =>
    Stream.callback<Flow<In, Out, E>, NetworkError>(
      Effect.fnUntraced(
        function* (queue) {
          yield* check("connect", contract.name)
          const flowsByHost = yield* FiberMap.make<string>()
          const hold = (entry: Entry) =>
            dial(entry, contract).pipe(
              Effect.retry({ schedule: reopen, while: isPassedOver }),
              Effect.flatMap((flow) => Queue.offer(queue, flow)),
              Effect.andThen(Effect.never),
              Effect.scoped,
              Effect.catch((error) => Queue.fail(queue, error))
            )
          const shown = new Map<string, Entry>()
          const down = ({ host }: Entry) => {
            shown.delete(host.id)
            return FiberMap.remove(flowsByHost, host.id)
          }
          const up = (entry: Entry) => {
            const { id } = entry.host
            const before = shown.get(id)
            shown.set(id, entry)
            if (before !== undefined && isRelabelled(before, entry)) return Effect.void
            if (common(contract, entry) !== undefined) return Effect.asVoid(FiberMap.run(flowsByHost, id, hold(entry)))
            const { message } = incompatible(entry, contract)
            return Effect.andThen(FiberMap.remove(flowsByHost, id), Effect.logWarning(`no flow: ${message}`))
          }
          yield* registry.watch(contract.name).pipe(
            Stream.runForEach((event) => {
              if (event._tag === "Snapshot") {
                const owners = event.entries.filter(({ name }) => name === contract.name)
                return Effect.forEach(owners, up, { discard: true })
              }
              if (event.entry.name !== contract.name) return Effect.void
              return event._tag === "Up" ? up(event.entry) : down(event.entry)
            })
          )
        },
        (effect) => Effect.scoped(effect)
      ),
      { bufferSize: 64 }
    )

  return { connect, connectEach }
})
