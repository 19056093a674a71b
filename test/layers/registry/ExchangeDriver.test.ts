import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as RegistryGossip from "../../../src/layers/registry/RegistryGossip.ts"
import { Gossip } from "../../../src/services/Gossip.ts"
import { Registry } from "../../../src/services/Registry.ts"
import * as Cluster from "../gossip/Cluster.ts"
import * as ToyGossip from "./ToyGossip.ts"

const claimAll = (registry: Registry["Service"], prefix: string, count: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => `${prefix}-${index}`),
    (name) => registry.claim({ name, ownership: "group", contract: 1n }),
    { discard: true }
  )

const seen = (registry: Registry["Service"]) => Effect.map(registry.scan(""), ({ length }) => length)

describe("without any gossip", () => {
  const start = (bus: ToyGossip.Bus, id: string, generation: number) =>
    ToyGossip.run(bus, bus.add(id, generation), RegistryGossip.layer)

  it.effect("a newcomer gets a large directory by digest, in bounded messages, and then there is silence", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("large")
      bus.setLoss(1)
      const old = yield* start(bus, "old", 1)
      yield* claimAll(old.registry, "name", 4000)
      const newcomer = yield* start(bus, "newcomer", 2)
      yield* claimAll(newcomer.registry, "own", 10)
      const state = yield* old.node.passenger?.localState ?? Effect.die("nobody aboard")
      assert.isBelow(state.length, 256)
      yield* bus.join(newcomer.node, old.node)
      yield* TestClock.adjust("2 seconds")
      for (const { registry } of [old, newcomer]) assert.strictEqual(yield* seen(registry), 4010)
      for (const { length } of old.node.sent) assert.isAtMost(length, 64 * 1024 + 256)
      const before = old.node.sent.length + newcomer.node.sent.length
      yield* TestClock.adjust("10 minutes")
      const messages = old.node.sent.length + newcomer.node.sent.length - before
      assert.isBelow(messages, 60)
      for (const { length } of old.node.sent.slice(-5)) assert.isBelow(length, 256)
    })
  )

  it.effect("what was claimed apart is known to all soon after a partition, and after a restart", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("apart")
      bus.setLoss(1)
      const hosts = yield* Effect.forEach(["a", "b", "c", "d"], (id, index) => start(bus, id, index + 1))
      for (const { registry, node } of hosts) yield* claimAll(registry, `of-${node.host.id}`, 300)
      for (const a of hosts) for (const b of hosts) if (a !== b) yield* bus.tell(a.node, b.node.host, "alive")
      yield* TestClock.adjust("3 minutes")
      for (const { registry } of hosts) assert.strictEqual(yield* seen(registry), 1200)
      const again = yield* start(bus, "d", 100)
      const others = hosts.slice(0, 3)
      yield* claimAll(again.registry, "again", 20)
      for (const { node } of others) {
        yield* bus.tell(node, again.node.host, "alive")
        yield* bus.tell(again.node, node.host, "alive")
      }
      yield* TestClock.adjust("5 minutes")
      for (const { registry } of [...others, again]) assert.strictEqual(yield* seen(registry), 920)
    })
  )
})

describe("a host", () => {
  const start = (bus: ToyGossip.Bus, id: string, generation: number) =>
    ToyGossip.run(bus, bus.add(id, generation), RegistryGossip.layer)

  it.effect("that takes nothing holds up no answer to others", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("stalled")
      bus.setLoss(1)
      const old = yield* start(bus, "old", 1)
      yield* claimAll(old.registry, "name", 2000)
      const stalled = yield* start(bus, "stalled", 2)
      stalled.node.isStalled = true
      yield* bus.join(stalled.node, old.node)
      yield* TestClock.adjust("1 second")
      const quick = yield* start(bus, "quick", 3)
      yield* bus.join(quick.node, old.node)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* seen(quick.registry), 2000)
      assert.strictEqual(yield* seen(stalled.registry), 0)
    })
  )

  it.effect("whose new life gossip has missed is asked for it", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("missed")
      bus.setLoss(1)
      const [a, b, c] = yield* Effect.all([start(bus, "a", 1), start(bus, "b", 2), start(bus, "c", 3)])
      for (const { node } of [b, c]) yield* bus.join(a.node, node)
      yield* bus.join(b.node, c.node)
      const again = yield* start(bus, "b", 20)
      yield* claimAll(again.registry, "name", 5)
      yield* bus.join(c.node, again.node)
      yield* TestClock.adjust("90 seconds")
      assert.deepStrictEqual(c.node.joined, [])
      assert.deepStrictEqual([...new Set(a.node.joined)], ["b/192.0.2.1:7946"])
    })
  )
})

describe("over the membership plane", () => {
  const run = Effect.fnUntraced(function* (name: string) {
    const { gossip } = yield* Cluster.start(name, { seeds: ["h0"], meta: { flowPort: 1 } })
    const services = Layer.merge(Layer.succeed(Gossip, gossip), Cluster.self(name))
    const scope = yield* Scope.fork(yield* Effect.scope)
    const built = yield* Layer.buildWithScope(Layer.provide(RegistryGossip.layer, services), scope)
    return { gossip, registry: Context.get(built, Registry) }
  })

  it.effect("hosts with many names, one with very many, agree despite loss", () =>
    Effect.gen(function* () {
      const hosts = yield* Effect.forEach(["h0", "h1", "h2", "h3", "h4"], run)
      for (const [index, { registry }] of hosts.entries())
        yield* claimAll(registry, `of-${index}`, index === 0 ? 3000 : 100)
      yield* TestClock.adjust("45 seconds")
      for (const { registry } of hosts) assert.strictEqual(yield* seen(registry), 3400)
      const newcomer = yield* run("h5")
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* seen(newcomer.registry), 3400)
    }).pipe(Effect.provide(Cluster.network("many", { loss: 0.1, jitter: "5 millis" })))
  )

  it.effect("a message for one who is no live member, and one that is too long, are typed errors", () =>
    Effect.gen(function* () {
      const { gossip } = yield* Cluster.start("h0")
      const failure = (id: string, bytes: number) => Effect.flip(gossip.send(id, new Uint8Array(bytes)))
      assert.strictEqual((yield* failure("nobody", 1)).reason._tag, "HostUnreachable")
      assert.strictEqual((yield* failure("h0", 1)).reason._tag, "HostUnreachable")
      assert.strictEqual((yield* failure("h0", gossip.sendBytesMax + 1)).reason._tag, "QuotaExceeded")
    }).pipe(Effect.provide(Cluster.network("send")))
  )
})
