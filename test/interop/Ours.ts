/** Hosts of ours in this process: the membership plane alone, on loopback, with a passenger that writes down what it hears. */
import { assert } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Schedule, Scope } from "effect"
import * as GossipSwim from "../../src/layers/gossip/GossipSwim.ts"
import type { Settings } from "../../src/protocol/swim/Config.ts"
import { Gossip, type Member, type MemberChange } from "../../src/services/Gossip.ts"
import { GossipSocket } from "../../src/services/GossipSocket.ts"
import { Self } from "../../src/services/Host.ts"
import { loopback } from "./Processes.ts"
import * as Wire from "./Wire.ts"

/** Timings at which a test is over soon, and a busy machine is not taken for a dead one. */
export const fast: Partial<Settings> = {
  probeIntervalMillis: 250,
  probeTimeoutMillis: 100,
  gossipIntervalMillis: 50,
  pushPullIntervalMillis: 1000
}

/** What a host says to be a member of a cluster of Serf. */
export const serfVersion = 5

export interface Options extends Partial<GossipSwim.Config> {
  readonly name: string
  readonly port?: number
  readonly tags?: Readonly<Record<string, string>>
  readonly generation?: number
  readonly faults?: Wire.Faults
  /** User state for push/pulls. */
  readonly state?: Uint8Array
}

export interface Ours {
  readonly name: string
  readonly port: number
  readonly address: string
  readonly gossip: Gossip["Service"]
  readonly faults: Wire.Faults
  readonly messages: Array<Uint8Array>
  readonly states: Array<Uint8Array>
  readonly changes: Array<MemberChange>
  /** Ends the host as a process in good order ends, with a goodbye. */
  readonly close: Effect.Effect<void>
  /** Ends the host as if its network had gone first. */
  readonly crash: Effect.Effect<void>
}

export const start = Effect.fnUntraced(function* (options: Options) {
  const { name, port = 0, tags = {}, generation = 1, state = Uint8Array.of(), ...config } = options
  const faults = options.faults ?? Wire.makeFaults()
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = GossipSwim.layer({ fabric: "", seeds: [], meta: { flowPort: 0 }, profile: fast, ...config }).pipe(
    Layer.provideMerge(Wire.layer(port, faults)),
    Layer.provide(Layer.succeed(Self, { id: name, generation, locality: "", tags }))
  )
  const services = yield* Layer.buildWithScope(layer, scope)
  const { gossip, socket } = yield* Effect.provide(Effect.all({ gossip: Gossip, socket: GossipSocket }), services)
  const messages: Array<Uint8Array> = []
  const states: Array<Uint8Array> = []
  const changes: Array<MemberChange> = []
  yield* Scope.provide(
    gossip.board({
      message: (payload) => Effect.sync(() => messages.push(payload.slice())),
      localState: Effect.succeed(state),
      mergeState: (merged) => Effect.sync(() => states.push(merged.slice())),
      memberChanged: (change) => Effect.sync(() => changes.push(change))
    }),
    scope
  )
  const close = Scope.close(scope, Exit.void)
  const ours: Ours = {
    name,
    port: socket.address.port,
    address: `${loopback}:${socket.address.port}`,
    gossip,
    faults,
    messages,
    states,
    changes,
    close,
    crash: Effect.suspend(() => {
      faults.isBlocked = () => true
      faults.refusesStreams = true
      return close
    })
  }
  return ours
})

export const memberOf = ({ gossip }: Ours, name: string): Effect.Effect<Member | undefined> =>
  Effect.map(gossip.members, (members) => members.find(({ id }) => id === name))

export const statusOf = (ours: Ours, name: string) => Effect.map(memberOf(ours, name), (member) => member?.status)

/** How a host sees all: "a:alive b:dead", by name. */
export const view = ({ gossip }: Ours): Effect.Effect<string> =>
  Effect.map(gossip.members, (members) =>
    members
      .map(({ id, status }) => `${id}:${status}`)
      .sort()
      .join(" ")
  )

/** Waits until what is asked for has the expected form, for much longer than it should take; then tells what it was. */
export const eventually = Effect.fnUntraced(function* <A, E, R>(
  what: string,
  ask: Effect.Effect<A, E, R>,
  isExpected: (found: A) => boolean,
  seconds = 20
) {
  let last: unknown
  const found = yield* ask.pipe(
    Effect.tap((asked) => Effect.sync(() => (last = asked))),
    Effect.tapError((error) => Effect.sync(() => (last = error))),
    Effect.option,
    Effect.repeat({
      schedule: Schedule.spaced("50 millis"),
      until: (asked: Option.Option<A>) => Option.isSome(asked) && isExpected(asked.value)
    }),
    Effect.timeoutOption(`${seconds} seconds`)
  )
  const settled = Option.flatten(found)
  if (Option.isSome(settled)) return settled.value
  return yield* Effect.die(new Error(`${what}: not within ${seconds} s, it was ${JSON.stringify(last)}`))
})

/** Waits until two things are equal. */
export const becomes = <A extends string | number | boolean | undefined, E, R>(
  what: string,
  ask: Effect.Effect<A, E, R>,
  expected: A,
  seconds?: number
) => eventually(what, ask, (found) => found === expected, seconds)

/** Waits for more than so many carried probes, most of them acked: a busy machine is late with some. */
export const becomesCarrier = (ours: Ours, direction: Wire.Passed["direction"], port: number, moreThan: number) =>
  eventually(
    "probes are carried",
    Effect.sync(() => Wire.carried(ours.faults, direction, port)),
    ({ acked, asked }) => asked > moreThan && acked > asked / 2,
    60
  )

/** What came from the peers, by the first part of the counter's name. */
const received = /^(packet|stream|swim|queue|passenger|socket)\./

/** Nothing that came from the peers was dropped or refused, but an accusation of a host that is not known yet. */
export const assertQuiet = Effect.fnUntraced(function* ({ gossip }: Ours, ...allowed: ReadonlyArray<string>) {
  const counters = Object.entries(yield* gossip.counters)
  const complaints = counters.filter(
    ([reason, times]) =>
      times > 0 && received.test(reason) && reason !== "swim.unknownMember" && !allowed.includes(reason)
  )
  assert.deepStrictEqual(complaints, [])
})
