/** Seeds that stand for more addresses than one, most of which are of hosts that are no more. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { format } from "../../../src/protocol/Address.ts"
import { SocketFailed } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "./Cluster.ts"

/** Nobody answers there, and nobody refuses either. */
const isDead = (bytes: Uint8Array): boolean => bytes[0] === 192

/** A host for which the seed "many" stands for some dead addresses and then those of these hosts. */
const startBehind = (
  name: string,
  dead: number,
  live: ReadonlyArray<string>,
  seeds: ReadonlyArray<string>,
  config: Parameters<typeof Cluster.start>[1] = {}
) => {
  const dialled: Array<string> = []
  const host = Cluster.start(name, { seeds, ...config }, 1, (socket) => ({
    ...socket,
    lookup: (text) => {
      if (text !== "many") return socket.lookup(text)
      const gone = Array.from({ length: dead }, (_, i) => Uint8Array.of(192, 0, 2, i + 1))
      return Effect.map(Effect.forEach(live, socket.lookup), (found) => [...gone, ...found.flat()])
    },
    dial: (to) => {
      dialled.push(format(to))
      return isDead(to.bytes) ? Effect.never : socket.dial(to)
    }
  }))
  return Effect.map(host, (running) => ({ ...running, dialled }))
}

describe("a seed without a port", () => {
  it.effect("has the port that hosts have by default, not that of the host that names it", () =>
    Effect.gen(function* () {
      yield* Cluster.start("h1")
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] }, 1, (socket) => socket, 9000)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* Cluster.view(h2), "h1:alive h2:alive")
    }).pipe(Effect.provide(Cluster.network("ports")))
  )
})

describe("a seed with dead addresses", () => {
  it.effect("holds up no start that waits for its name: once a live one has answered it is up", () =>
    Effect.gen(function* () {
      yield* Cluster.start("h1")
      for (const [name, live, seeds] of [
        ["h2", ["h1"], ["many"]],
        ["h3", [], ["192.0.2.1", "h1"]]
      ] as const) {
        const starting = yield* Effect.forkChild(startBehind(name, 1, live, seeds, { nameTimeout: "3 seconds" }))
        yield* TestClock.adjust("700 millis")
        assert.isDefined(starting.pollUnsafe(), name)
        yield* TestClock.adjust("2 seconds")
        assert.include(yield* Cluster.view(yield* Fiber.join(starting)), "h1:alive")
      }
      const alone = yield* Effect.forkChild(startBehind("h4", 1, [], ["many"], { nameTimeout: "3 seconds" }))
      yield* TestClock.adjust("2900 millis")
      assert.isUndefined(alone.pollUnsafe())
      yield* TestClock.adjust("200 millis")
      assert.isDefined(alone.pollUnsafe())
    }).pipe(Effect.provide(Cluster.network("starts")))
  )

  it.effect("holds nobody up: six of them and a live one", () =>
    Effect.gen(function* () {
      yield* Cluster.start("h1")
      const h2 = yield* startBehind("h2", 6, ["h1"], ["many"])
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Cluster.view(h2), "h1:alive h2:alive")
    }).pipe(Effect.provide(Cluster.network("six")))
  )

  it.effect("nor do nine dead seeds before a live one", () =>
    Effect.gen(function* () {
      yield* Cluster.start("h1")
      const dead = Array.from({ length: 9 }, (_, i) => `192.0.2.${i + 1}`)
      const h2 = yield* startBehind("h2", 0, [], [...dead, "h1"])
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Cluster.view(h2), "h1:alive h2:alive")
    }).pipe(Effect.provide(Cluster.network("nine")))
  )

  it.effect("a hundred of them take seconds, and cost a joined host nothing", () =>
    Effect.gen(function* () {
      yield* Cluster.start("h1")
      const h2 = yield* startBehind("h2", 100, ["h1"], ["many"])
      yield* TestClock.adjust("14 seconds")
      assert.strictEqual(yield* Cluster.view(h2), "h1:alive h2:alive")
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* Cluster.view(h2), "h1:alive h2:alive")
      const counters = yield* h2.gossip.counters
      const lost = Object.keys(counters).filter((reason) => reason.endsWith(".tooMany"))
      assert.deepStrictEqual(lost, [])
    }).pipe(Effect.provide(Cluster.network("hundred")))
  )

  it.effect("is joined at one of the live, and at the others only if the first does not know them", () =>
    Effect.gen(function* () {
      const [h1, h2] = [yield* Cluster.start("h1"), yield* Cluster.start("h2", { seeds: ["h1"] })]
      const apart = yield* Cluster.start("apart")
      yield* TestClock.adjust("2 seconds")
      const h3 = yield* startBehind("h3", 0, ["h1", "h2", "apart"], [])
      const joined = yield* Effect.forkChild(h3.gossip.join(["many"]))
      yield* TestClock.adjust("2 seconds")
      assert.isAtLeast(yield* Fiber.join(joined), 2)
      for (const host of [h1, h2, h3, apart])
        assert.strictEqual(yield* Cluster.view(host), "apart:alive h1:alive h2:alive h3:alive")
    }).pipe(Effect.provide(Cluster.network("apart")))
  )

  it.effect("fails in time when all are dead, and names some of them", () =>
    Effect.gen(function* () {
      const h1 = yield* startBehind("h1", 100, [], [])
      const joining = yield* Effect.forkChild(Effect.flip(h1.gossip.join(["many"])))
      yield* TestClock.adjust("25 seconds")
      const error = yield* Fiber.join(joining)
      assert.strictEqual(error.reason._tag, "JoinFailed")
      assert.match(error.message, /192\.0\.2\.1:7946.* and 92 more/)
      assert.strictEqual(new Set(h1.dialled).size, 100)
    }).pipe(Effect.provide(Cluster.network("all")))
  )

  it.effect("fails at once when it has no address", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1", {}, 1, (socket) => ({
        ...socket,
        lookup: () => Effect.fail(new SocketFailed({ how: "unknown", detail: "no such name" }))
      }))
      const error = yield* Effect.flip(h1.gossip.join(["many"]))
      assert.match(error.message, /no seed answered: many \(no such name\)/)
    }).pipe(Effect.provide(Cluster.network("none")))
  )
})
