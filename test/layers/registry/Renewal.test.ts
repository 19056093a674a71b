/** A host whose clock went back between two lives, and two processes of one name. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { MemoryNetwork } from "../../../src/layers/memory/MemoryNetwork.ts"
import * as RegistryGossip from "../../../src/layers/registry/RegistryGossip.ts"
import * as NameRecords from "../../../src/protocol/names/NameRecords.ts"
import { Gossip } from "../../../src/services/Gossip.ts"
import { NameTaken, NetworkError } from "../../../src/services/NetworkError.ts"
import { type Claim, Registry } from "../../../src/services/Registry.ts"
import * as Cluster from "../gossip/Cluster.ts"
import * as ToyGossip from "./ToyGossip.ts"

const unique = (name: string): Claim => ({ name, ownership: "unique", contract: 1n })

const lives = (registry: Registry["Service"]) =>
  Effect.map(registry.scan(""), (entries) => entries.map(({ host, name }) => `${name}@${host.id} ${host.generation}`))

describe("P6: a host that came back with an earlier clock", () => {
  const run = Effect.fnUntraced(function* (name: string, generation: number) {
    const { close, gossip } = yield* Cluster.start(name, { seeds: ["h0"], meta: { flowPort: 1 } }, generation)
    const services = Layer.merge(Layer.succeed(Gossip, gossip), Cluster.self(name, generation))
    const scope = yield* Scope.fork(yield* Effect.scope)
    const built = yield* Layer.buildWithScope(Layer.provide(RegistryGossip.layer, services), scope)
    return { close, gossip, registry: Context.get(built, Registry) }
  })

  it.effect.each([
    ["killed", 1001],
    // The others have forgotten a life that has left, and do not know that this one is earlier.
    ["left", 10]
  ] as const)("has its names again, in a life later than any that the others still know: %s", ([how, generation]) =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const [h0, former] = [yield* run("h0", 5), yield* run("h1", 1000)]
      yield* former.registry.claim(unique("x"))
      yield* former.registry.claim(unique("old"))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* lives(h0.registry), ["old@h1 1000", "x@h1 1000"])
      if (how === "left") {
        yield* Effect.forkChild(former.gossip.leave)
        yield* TestClock.adjust("10 seconds")
      }
      yield* network.kill("h1")
      yield* TestClock.adjust("30 seconds")
      assert.isEmpty(yield* lives(h0.registry))
      const again = yield* run("h1", 10)
      const { lost } = yield* again.registry.claim(unique("x"))
      yield* again.registry.claim(unique("y"))
      const waiting = yield* Effect.forkChild(lost)
      yield* TestClock.adjust("90 seconds")
      const late = yield* run("h2", 20)
      yield* TestClock.adjust("10 seconds")
      for (const { registry } of [h0, again, late])
        assert.deepStrictEqual(yield* lives(registry), [`x@h1 ${generation}`, `y@h1 ${generation}`])
      assert.isUndefined(waiting.pollUnsafe())
      yield* Fiber.interrupt(waiting)
      const member = yield* again.gossip.self
      assert.strictEqual(member.host?.generation, generation)
    }).pipe(Effect.provide(Cluster.network(how)))
  )

  it.effect("announces no life that is none", () =>
    Effect.gen(function* () {
      const { gossip } = yield* Cluster.start("h0")
      for (const bad of [0, 1.5, Number.NaN, 2 ** 53])
        assert.strictEqual((yield* Effect.flip(gossip.renew(bad))).reason._tag, "InvalidConfig")
    }).pipe(Effect.provide(Cluster.network("none")))
  )
})

describe("P8: two processes of one name", () => {
  it.effect("goes on for as long as both do, but takes up a life only now and then", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("twins")
      const { node, registry } = yield* ToyGossip.run(bus, bus.add("h0", 10), RegistryGossip.layer)
      const { lost } = yield* registry.claim(unique("x"))
      const losing = yield* Effect.forkChild(Effect.flip(lost))
      const generation = Effect.map(registry.resolve("x"), ([entry]) => entry?.host.generation ?? 0)
      const overtake = Effect.gen(function* () {
        const before = yield* generation
        const record = { host: "h0", generation: before + 1, version: 1, ...unique("x"), isTombstone: false }
        yield* node.passenger?.message(NameRecords.encode([record])) ?? Effect.void
        yield* TestClock.adjust("1 second")
        return (yield* generation) - before
      })
      for (let round = 0; round < 3; round++) assert.strictEqual(yield* overtake, 2, `round ${round}`)
      assert.strictEqual(yield* overtake, 0)
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* generation, 10 + 4 * 2, "the one that had to wait")
      assert.strictEqual(yield* overtake, 0, "a host that is no longer young knows all its lives")
      assert.isUndefined(losing.pollUnsafe())
    })
  )

  it.effect(
    "one gives up when the membership plane says so: its claims are lost with the reason, and it makes no more",
    () =>
      Effect.gen(function* () {
        const bus = yield* ToyGossip.make("twins")
        const { node, registry } = yield* ToyGossip.run(bus, bus.add("h0", 10), RegistryGossip.layer)
        const { lost } = yield* registry.claim(unique("x"))
        const losing = yield* Effect.forkChild(Effect.flip(lost))
        const watching = yield* Effect.forkChild(Stream.runDrain(registry.watch("")))
        yield* TestClock.adjust("1 second")
        const reason = new NameTaken({ name: "h0", owner: "h0 at 192.0.2.1:7946" })
        yield* Deferred.fail(node.lost, new NetworkError({ operation: "listen", reason }))
        const told = 'the name "h0" is held by host "h0 at 192.0.2.1:7946"'
        assert.strictEqual((yield* Fiber.join(losing)).message, `expose: ${told}`)
        assert.isEmpty(yield* lives(registry))
        assert.strictEqual((yield* Effect.flip(registry.claim(unique("y")))).message, `expose: ${told}`)
        assert.strictEqual((yield* Effect.flip(registry.resolve("x"))).message, `resolve: ${told}`)
        yield* Fiber.join(watching)
      })
  )
})
