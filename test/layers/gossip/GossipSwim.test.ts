import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { MemoryNetwork } from "../../../src/layers/memory/MemoryNetwork.ts"
import type { MemberChange, MemberStatus, Passenger } from "../../../src/services/Gossip.ts"
import * as Cluster from "./Cluster.ts"

const names = ["h1", "h2", "h3", "h4", "h5"] as const
const all = names.map((name) => `${name}:alive`).join(" ")

/** Five hosts with one seed, after the time that they take to see each other. */
const five = Effect.gen(function* () {
  const start = (name: string) => Cluster.start(name, { seeds: ["h1"] })
  const hosts = [
    yield* start("h1"),
    yield* start("h2"),
    yield* start("h3"),
    yield* start("h4"),
    yield* start("h5")
  ] as const
  yield* TestClock.adjust("5 seconds")
  return hosts
})

const status = ({ gossip }: Cluster.Running, id: string): Effect.Effect<MemberStatus | undefined> =>
  Effect.map(gossip.members, (members) => members.find((member) => member.id === id)?.status)

const assertStatus = Effect.fnUntraced(function* (
  hosts: ReadonlyArray<Cluster.Running>,
  id: string,
  expected: MemberStatus
) {
  for (const host of hosts) assert.strictEqual(yield* status(host, id), expected, `${id} as ${host.name} sees it`)
})

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

/** A passenger that writes down what it hears. */
const recorder = (state = "") => {
  const messages: Array<string> = []
  const states: Array<string> = []
  const changes: Array<MemberChange> = []
  const passenger: Passenger = {
    message: (payload) => Effect.sync(() => messages.push(text(payload))),
    localState: Effect.succeed(bytes(state)),
    mergeState: (merged) => Effect.sync(() => states.push(text(merged))),
    memberChanged: (change) => Effect.sync(() => changes.push(change))
  }
  return { messages, states, changes, passenger }
}

const lossy = { loss: 0.1, jitter: "5 millis" } as const

describe("membership in virtual time", () => {
  it.effect("the probes of a host tell how far the others are, and nothing of itself and of strangers", () =>
    Effect.gen(function* () {
      const [h1] = yield* five
      yield* TestClock.adjust("10 seconds")
      for (const id of ["h2", "h3", "h4", "h5"])
        assert.closeTo((yield* h1.gossip.roundTripMillis(id)) ?? 0, 40, 2, `to ${id}`)
      for (const id of ["h1", "nobody"]) assert.isUndefined(yield* h1.gossip.roundTripMillis(id))
    }).pipe(Effect.provide(Cluster.network("far", { latency: "20 millis" })))
  )

  it.effect.each(["a", "b", "c"])("five hosts join by a seed and see each other, seed %s", (seed) =>
    Effect.gen(function* () {
      for (const host of yield* five) assert.strictEqual(yield* Cluster.view(host), all)
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect.each(["a", "b", "c"])("a killed host is dead everywhere within 30 s, with loss, seed %s", (seed) =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const [h1, h2, , h4, h5] = yield* five
      yield* network.kill("h3")
      yield* TestClock.adjust("30 seconds")
      yield* assertStatus([h1, h2, h4, h5], "h3", "dead")
    }).pipe(Effect.provide(Cluster.network(seed, lossy)))
  )

  it.effect.each(["a", "b"])("a host that leaves has left everywhere within 3 s, seed %s", (seed) =>
    Effect.gen(function* () {
      const [h1, h2, h3, h4, h5] = yield* five
      const leaving = yield* Effect.forkChild(h3.gossip.leave)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(leaving)
      yield* assertStatus([h1, h2, h3, h4, h5], "h3", "left")
      yield* h3.gossip.leave
      const error = yield* Effect.flip(h3.gossip.join(["h1"]))
      assert.strictEqual(error.reason._tag, "FabricClosed")
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect.each(["a", "b"])("a host whose scope ends has left everywhere within 3 s, seed %s", (seed) =>
    Effect.gen(function* () {
      const [h1, h2, h3, h4, h5] = yield* five
      yield* h3.close
      yield* TestClock.adjust("3 seconds")
      yield* assertStatus([h1, h2, h4, h5], "h3", "left")
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect("of two hosts one sees the other leave, when that has had its time to deny it", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("1 second")
      yield* h2.close
      yield* TestClock.adjust("498 millis")
      yield* assertStatus([h1], "h2", "alive")
      yield* TestClock.adjust("4 millis")
      yield* assertStatus([h1], "h2", "left")
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect.each(["a", "b", "c"])("a host that was killed and starts again is alive again, seed %s", (seed) =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const [h1, h2, , h4, h5] = yield* five
      yield* network.kill("h3")
      yield* TestClock.adjust("15 seconds")
      yield* assertStatus([h1, h2, h4, h5], "h3", "dead")
      const again = yield* Cluster.start("h3", { seeds: ["h1"], meta: { flowPort: 9000 } }, 2)
      yield* TestClock.adjust("5 seconds")
      yield* assertStatus([h1, h2, again, h4, h5], "h3", "alive")
      const seen = (yield* h5.gossip.members).find(({ id }) => id === "h3")
      assert.deepInclude(seen?.host, { id: "h3", generation: 2, flowPort: 9000, address: "10.0.0.3" })
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect.each(["a", "b"])("two halves find each other after ten minutes apart, seed %s", (seed) =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const hosts = yield* five
      const [h1, , h3, , h5] = hosts
      for (const left of ["h1", "h2"]) for (const right of ["h3", "h4", "h5"]) yield* network.cut(left, right)
      yield* TestClock.adjust("10 minutes")
      assert.notStrictEqual(yield* status(h1, "h5"), "alive")
      assert.notStrictEqual(yield* status(h3, "h1"), "alive")
      assert.strictEqual(yield* status(h3, "h5"), "alive")
      yield* network.heal
      yield* TestClock.adjust("3 minutes")
      for (const host of hosts) assert.strictEqual(yield* Cluster.view(host), all)
      assert.strictEqual(yield* status(h5, "h1"), "alive")
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect("a host comes up while its seeds are down, and joins once one is up", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1", { seeds: ["h2", "10.9.9.9"] })
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive")
      yield* Cluster.start("h2")
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive h2:alive")
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("changes are heard as they come", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const heard = yield* Effect.forkChild(
        h1.gossip.changes.pipe(
          Stream.map(({ from, member }) => `${member.id} ${from} ${member.status}`),
          Stream.take(2),
          Stream.runCollect
        ),
        { startImmediately: true }
      )
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("1 second")
      yield* h2.close
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(heard), ["h2 undefined alive", "h2 alive left"])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("the same seed gives the same run", () =>
    Effect.gen(function* () {
      const run: Effect.Effect<ReadonlyArray<string>, never, Scope.Scope> = Effect.gen(function* () {
        const trace: Array<string> = []
        const network = yield* MemoryNetwork
        const hosts = yield* five
        for (const { gossip, name } of hosts)
          yield* Effect.forkScoped(
            Stream.runForEach(gossip.changes, ({ member }) =>
              Effect.sync(() => trace.push(`${name} ${member.id} ${member.status} ${member.incarnation}`))
            )
          )
        yield* network.kill("h2")
        yield* TestClock.adjust("60 seconds")
        return trace
      }).pipe(Effect.provide(Cluster.network("same", lossy)), Effect.orDie)
      const first = yield* run
      assert.isNotEmpty(first)
      assert.deepStrictEqual(
        yield* Effect.provide(run, TestClock.layer()),
        yield* Effect.provide(run, TestClock.layer())
      )
    })
  )
})

describe("a passenger", () => {
  it.effect.each(["a", "b", "c"])("on every host gets a broadcast that each passes on, seed %s", (seed) =>
    Effect.gen(function* () {
      const hosts = yield* five
      const recorders = hosts.map(() => recorder())
      for (const [i, { gossip }] of hosts.entries()) {
        const { messages, passenger } = recorders[i] ?? recorder()
        const message = (payload: Uint8Array) =>
          messages.includes(text(payload))
            ? Effect.void
            : Effect.andThen(passenger.message(payload), gossip.broadcast("key", payload))
        yield* gossip.board({ ...passenger, message })
      }
      yield* hosts[1].gossip.broadcast("key", bytes("old"))
      yield* hosts[1].gossip.broadcast("key", bytes("hello"))
      yield* TestClock.adjust("5 seconds")
      for (const { messages } of recorders) assert.deepStrictEqual(messages, ["hello"])
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect("may carry a message of the full size, and none larger", () =>
    Effect.gen(function* () {
      const heard = recorder()
      const h1 = yield* Cluster.start("h1", { fabric: "prod" })
      const h2 = yield* Cluster.start("h2", { fabric: "prod", seeds: ["h1"] })
      yield* h2.gossip.board(heard.passenger)
      yield* TestClock.adjust("3 seconds")
      yield* h1.gossip.broadcast("full", new Uint8Array(h1.gossip.broadcastBytesMax).fill(120))
      yield* h1.gossip.broadcast("large", new Uint8Array(h1.gossip.broadcastBytesMax + 1))
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual([...new Set(heard.messages.map(({ length }) => length))], [h1.gossip.broadcastBytesMax])
      assert.strictEqual((yield* h1.gossip.counters)["swim.broadcastTooLarge"], 1)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("exchanges state in a join, and hears of members", () =>
    Effect.gen(function* () {
      const [one, two] = [recorder("state of h1"), recorder("state of h2")]
      const h1 = yield* Cluster.start("h1")
      yield* h1.gossip.board(one.passenger)
      const h2 = yield* Cluster.start("h2")
      yield* h2.gossip.board(two.passenger)
      const joined = yield* Effect.forkChild(h2.gossip.join(["h1"]))
      yield* TestClock.adjust("20 millis")
      assert.strictEqual(yield* Fiber.join(joined), 1)
      assert.deepStrictEqual(one.states, ["state of h2"])
      assert.deepStrictEqual(two.states, ["state of h1"])
      assert.deepStrictEqual(
        one.changes.map(({ member }) => member.id),
        ["h2"]
      )
      yield* TestClock.adjust("2 minutes")
      assert.isAbove(two.states.length, 2)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("that comes aboard late gets the state at once", () =>
    Effect.gen(function* () {
      const [one, two] = [recorder("state of h1"), recorder()]
      const h1 = yield* Cluster.start("h1")
      yield* h1.gossip.board(one.passenger)
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("1 second")
      yield* h2.gossip.board(two.passenger)
      yield* TestClock.adjust("20 millis")
      assert.deepStrictEqual(two.states, ["state of h1"])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("may broadcast what it is told, and may fail, without stopping the membership plane", () =>
    Effect.gen(function* () {
      const heard = recorder()
      const h1 = yield* Cluster.start("h1")
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* h1.gossip.board({
        ...recorder().passenger,
        message: (payload) =>
          text(payload) === "ping" ? h1.gossip.broadcast("answer", bytes("pong")) : Effect.die("no such message")
      })
      yield* h2.gossip.board(heard.passenger)
      yield* TestClock.adjust("1 second")
      yield* h2.gossip.broadcast("question", bytes("ping"))
      yield* h2.gossip.broadcast("nonsense", bytes("?"))
      yield* TestClock.adjust("3 seconds")
      assert.include(heard.messages, "pong")
      assert.isAtLeast((yield* h1.gossip.counters)["passenger.defect"] ?? 0, 1)
      yield* assertStatus([h1, h2], "h1", "alive")
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.live("that never comes back does not hold up the end of the scope", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* h1.gossip.board({ ...recorder().passenger, memberChanged: () => Effect.never })
      yield* h2.gossip.join(["h1"])
      const closed = yield* Effect.timeoutOption(h1.close, "5 seconds")
      assert.strictEqual(closed._tag, "Some")
    }).pipe(Effect.provide(Cluster.network("a")))
  )
})
