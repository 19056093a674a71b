/**
 * Each: holds a flow to each owner of a name, and opens another as often as it breaks while the owner is there.
 */
import { Deferred, Duration, Effect, Exit, FiberMap, Option, Queue, Result, Schedule, Scope, Stream } from "effect"
import * as Attempts from "../../protocol/flow/Attempts.ts"
import { isSameContract } from "../../protocol/names/NameRecords.ts"
import { type Contract, common } from "../../services/Contract.ts"
import type { EachFlow, Fabric } from "../../services/Fabric.ts"
import { NetworkError, type NetworkErrorReason } from "../../services/NetworkError.ts"
import type { Entry } from "../../services/Registry.ts"
import * as Background from "../core/Background.ts"
import * as Monotonic from "../core/Monotonic.ts"
import * as Timeouts from "../core/Timeouts.ts"
import type * as Opening from "../flow/Opening.ts"
import * as Connecting from "./Connecting.ts"
import { incompatible, type Tries } from "./Owners.ts"

export interface Options extends Omit<Connecting.Options, "self"> {
  /** Returns why this host has lost its name; undefined while it has it. */
  readonly lost: () => NetworkErrorReason | undefined
}

/** Events that wait until they are taken. */
const bufferSize = 64

const pause = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)

/** Time that a flow lives, in ms, until its owner is proven to serve: pauses begin anew with the shortest. */
const provenMillis = 10_000

/** Whether nothing has changed but the description of the host: then its flow goes on. */
const isRelabelled = (a: Entry, b: Entry): boolean =>
  a.host !== b.host &&
  a.host.generation === b.host.generation &&
  a.host.address === b.host.address &&
  a.host.flowPort === b.host.flowPort &&
  isSameContract(a, b)

/** Exit that closes the scope of a broken flow without a wait for sent messages. */
const abandoned = Exit.fail("the flow has broken")

export const make = (options: Options): Fabric["Service"]["connectEach"] => {
  const { check, lost, owners, registry, timeouts } = options

  return <In, Out, E>(
    contract: Contract<In, Out, E>,
    { metadata, timeout = Connecting.connectTimeout }: Parameters<Fabric["Service"]["connectEach"]>[1] = {}
  ) => {
    type Each = EachFlow<In, Out, E>

    /** Opens flows to one owner, one after the other, until it is interrupted. */
    const hold = Effect.fnUntraced(function* (
      entry: Entry,
      call: Opening.Call,
      tell: (each: Each) => Effect.Effect<unknown>
    ): Effect.fn.Return<never, never, Scope.Scope> {
      const { host } = entry
      const all = yield* Effect.scope
      let broken: Scope.Closeable | undefined

      const opened = Effect.fnUntraced(function* (scope: Scope.Scope, onBroken: () => void) {
        const tries: Tries = Attempts.make([entry], 0)
        Attempts.next(tries, yield* Monotonic.now)
        const dialled = Scope.provide(owners.dial(entry, contract, { ...call, onBroken }), scope)
        const found = yield* Timeouts.within(timeouts, dialled, timeout)
        if (Option.isNone(found))
          return yield* Effect.fail(Connecting.late(contract.name, Duration.toMillis(timeout), tries))
        found.value.start()
        return found.value.flow
      })

      /** Holds one flow from its opening to its end. Fails when a longer pause is to follow. */
      const turn = Effect.gen(function* () {
        const isOver = yield* Deferred.make<void>()
        const scope = yield* Scope.fork(all)
        const flow = yield* Effect.result(opened(scope, () => Deferred.doneUnsafe(isOver, Effect.void)))
        if (Result.isFailure(flow)) {
          yield* Scope.close(scope, abandoned)
          yield* tell({ _tag: "Failed", host, error: flow.failure })
          return yield* Effect.fail("not opened")
        }
        const sinceMillis = yield* Monotonic.now
        yield* tell({ _tag: "Opened", host, flow: flow.success })
        yield* Deferred.await(isOver)
        // Received messages may still be read: a flow is closed when the one after it is over, too.
        if (broken !== undefined) yield* Scope.close(broken, abandoned)
        broken = scope
        if ((yield* Monotonic.now) - sinceMillis < provenMillis) return yield* Effect.fail("soon over")
      })

      return yield* turn.pipe(
        Effect.retry(pause),
        Effect.orElseSucceed(() => undefined),
        Effect.andThen(Effect.sleep("100 millis")),
        Effect.forever
      )
    }, Effect.scoped)

    return Stream.callback<Each, NetworkError>(
      Effect.fnUntraced(
        function* (queue) {
          yield* check("connect", contract.name)
          const said = yield* Connecting.metadataOf(metadata)
          const call: Opening.Call = said === undefined ? {} : { metadata: said }
          const flowsByHost = yield* FiberMap.make<string>()
          const tell = (each: Each) => Queue.offer(queue, each)
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
            const failed: Each = { _tag: "Failed", host: entry.host, error: incompatible(entry, contract) }
            const held = common(contract, entry) === undefined ? tell(failed) : hold(entry, call, tell)
            return Effect.asVoid(FiberMap.run(flowsByHost, id, Background.heard("flows to each owner")(held)))
          }
          yield* registry.watch(contract.name).pipe(
            Stream.runForEach((event) => {
              if (event._tag === "Snapshot") {
                const found = event.entries.filter(({ name }) => name === contract.name)
                return Effect.forEach(found, up, { discard: true })
              }
              if (event.entry.name !== contract.name) return Effect.void
              return event._tag === "Up" ? up(event.entry) : down(event.entry)
            })
          )
          // The watch ends when the registry is closed, and so is this fabric.
          const reason = lost()
          if (reason !== undefined) return yield* Effect.fail(new NetworkError({ operation: "connect", reason }))
          yield* Queue.end(queue)
        },
        (effect) => Effect.scoped(effect)
      ),
      { bufferSize }
    )
  }
}
