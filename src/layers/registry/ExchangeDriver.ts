/** ExchangeDriver: runs the exchange of digests and deltas over streams of the membership plane. */
import { Clock, Effect, FiberSet, Random, type Scope } from "effect"
import { format, parseHost } from "../../protocol/Address.ts"
import type * as Directory from "../../protocol/names/Directory.ts"
import * as Machine from "../../protocol/names/Exchange.ts"
import * as NameRecords from "../../protocol/names/NameRecords.ts"
import type { Gossip } from "../../services/Gossip.ts"
import * as Alarm from "../core/Alarm.ts"
import * as Background from "../core/Background.ts"
import { count } from "./Driver.ts"

export interface Exchange {
  /** Returns the state for a peer in a push/pull. */
  readonly localState: () => Uint8Array
  readonly feed: (input: Machine.Input) => Effect.Effect<void>
}

const encode = ({ records, ...parts }: Machine.Message): Uint8Array => NameRecords.encode(records, parts)

export const make = Effect.fnUntraced(function* (
  directory: Directory.Directory,
  { join, members, send }: Pick<Gossip["Service"], "join" | "members" | "send">
): Effect.fn.Return<Exchange, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const sends = yield* FiberSet.make()
  const draw = (): number => random.nextDoubleUnsafe()
  const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const machine = Machine.make(directory, { now: now(), random: draw })

  /** Joins a host. A join is an exchange of states, and its news comes back as a change of that member. */
  const meet = Effect.fnUntraced(
    function* (id: string) {
      const member = (yield* members).find((member) => member.id === id)
      const bytes = member && parseHost(member.address)
      if (bytes !== undefined && member !== undefined) yield* join([`${id}/${format({ bytes, port: member.port })}`])
    },
    (effect, id) =>
      Effect.annotateLogs(
        Effect.catch(effect, (error) => Effect.logDebug(`no word from host "${id}": ${error.message}`)),
        { peer: id }
      )
  )

  const perform = (output: Machine.Output): Effect.Effect<void> => {
    switch (output._tag) {
      case "Send": {
        const { messages, to } = output
        const all = Effect.forEach(messages, (message) => send(to, encode(message)), { discard: true })
        const sent = all.pipe(
          Effect.catch((error) => Effect.logDebug(`names for host "${to}" wait: ${error.message}`)),
          Effect.catchCause((cause) => Effect.logError(`sending names to host "${to}" failed`, cause)),
          Effect.andThen(feed({ _tag: "Sent", to }))
        )
        return Effect.asVoid(
          FiberSet.run(sends, Background.heard("sending names")(Effect.annotateLogs(sent, { peer: to })))
        )
      }
      case "Meet":
        return Effect.asVoid(FiberSet.run(sends, Background.heard("meeting a host")(meet(output.host))))
      case "Dropped":
        return count([output.reason])
    }
  }

  const feed = (input: Machine.Input): Effect.Effect<void> =>
    Effect.suspend(() => {
      const outputs = Machine.step(machine, input, { now: now(), random: draw })
      const performed = outputs.length === 0 ? Effect.void : Effect.forEach(outputs, perform, { discard: true })
      alarm.look()
      return performed
    })

  const alarm = yield* Alarm.make({
    what: "the exchange of names",
    nextDeadline: () => Machine.nextDeadline(machine),
    ring: Effect.suspend(() => feed({ _tag: "Tick" }))
  })

  return { localState: () => encode(Machine.localState(machine, draw)), feed }
})
