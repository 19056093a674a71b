/** The metadata of hosts: their tags while they run, and what other programs say of themselves. */
import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Fabric, Gossip, Grinta, Registry, Self } from "../../../src/index.ts"
import * as GossipSocketMemory from "../../../src/layers/gossip/socket/GossipSocketMemory.ts"
import * as Label from "../../../src/protocol/memberlist/Label.ts"
import { encode } from "../../../src/protocol/memberlist/MessageCodec.ts"
import * as Packet from "../../../src/protocol/memberlist/Packet.ts"
import { GossipSocket } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "./Cluster.ts"

const tagsOf = ({ gossip }: Cluster.Running, id: string) =>
  Effect.map(gossip.members, (members) => members.find((member) => member.id === id)?.host?.tags)

describe("the tags of a host", () => {
  it.effect.each(["a", "b", "c"])("change at run time, and others see an update, seed %s", (seed) =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"], meta: { flowPort: 7 } }, 5)
      yield* TestClock.adjust("3 seconds")
      const heard = yield* Effect.forkChild(
        h1.gossip.changes.pipe(
          Stream.filter(({ member }) => member.id === "h2"),
          Stream.runHead
        ),
        { startImmediately: true }
      )
      yield* h2.gossip.setTags({ role: "web" })
      const self = yield* h2.gossip.self
      assert.deepInclude(self.host, { generation: 5, flowPort: 7, tags: { role: "web" } })
      yield* TestClock.adjust("1 second")
      const change = Option.getOrThrow(yield* Fiber.join(heard))
      assert.deepInclude(change, { from: "alive", evidence: [] })
      assert.deepStrictEqual(change.member, self)
      yield* h2.gossip.setTags({})
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* tagsOf(h1, "h2"), {})
      assert.isAbove((yield* h2.gossip.self).incarnation, self.incarnation)
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect("are told only when they differ", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      yield* h1.gossip.setTags({ b: "2", a: "1" })
      yield* h1.gossip.setTags({ a: "1", b: "2" })
      assert.strictEqual((yield* h1.gossip.self).incarnation, 2)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("are refused when the metadata does not fit, and after the leave", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const before = yield* h1.gossip.self
      const tooLong = yield* Effect.flip(h1.gossip.setTags({ long: "x".repeat(512) }))
      assert.strictEqual(tooLong.operation, "tags")
      assert.deepInclude(tooLong.reason, { _tag: "InvalidConfig", setting: "tags" })
      assert.deepStrictEqual(yield* h1.gossip.self, before)
      yield* h1.gossip.leave
      const left = yield* Effect.flip(h1.gossip.setTags({ role: "web" }))
      assert.deepInclude(left.reason, { _tag: "FabricClosed", host: "h1" })
      yield* h1.close
      const closed = yield* Effect.flip(h1.gossip.setTags({ role: "web" }))
      assert.deepInclude(closed.reason, { _tag: "FabricClosed", host: "h1" })
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("of a whole host show in its fabric and in the directories of all", () =>
    Effect.gen(function* () {
      const host = (name: string) =>
        Layer.build(Grinta.layerMemory({ name, seeds: name === "a" ? [] : ["a"], tags: { role: "none" } }))
      const [a, b] = [yield* host("a"), yield* host("b")]
      yield* Context.get(b, Registry).claim({ name: "x", ownership: "unique", contract: 1n })
      yield* TestClock.adjust("3 seconds")
      const entries = yield* Effect.forkChild(
        Context.get(a, Registry).watch("x").pipe(Stream.drop(1), Stream.take(1), Stream.runCollect),
        { startImmediately: true }
      )
      yield* TestClock.adjust("1 second")
      yield* Context.get(b, Gossip).setTags({ role: "web" })
      yield* TestClock.adjust("2 seconds")
      const tags = { role: "web" }
      assert.deepInclude(yield* Context.get(b, Fabric).self, { id: "b", tags })
      for (const services of [a, b]) {
        const hosts = yield* Context.get(services, Registry).hosts
        assert.deepStrictEqual(
          hosts.map((known) => [known.id, known.tags]),
          [
            ["a", { role: "none" }],
            ["b", tags]
          ]
        )
      }
      const [event] = yield* Fiber.join(entries)
      assert.strictEqual(event?._tag, "Up")
      assert.deepInclude(event?._tag === "Up" ? event.entry.host : {}, { id: "b", tags })
      assert.deepStrictEqual(Context.get(b, Self).tags, { role: "none" })
    }).pipe(Effect.provide(Cluster.network("a")))
  )
})

describe("the metadata of another program", () => {
  it.effect("is shown as it came, and what is shown is a copy", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1", { rules: { proof: false } })
      const meta = new TextEncoder().encode("role=web")
      const alive = encode({
        _tag: "Alive",
        incarnation: 1,
        node: "serf",
        address: Uint8Array.of(10, 0, 0, 9),
        port: 7946,
        meta,
        versions: Uint8Array.of(1, 5, 2, 0, 0, 0)
      })
      const framing = { label: Option.getOrThrow(Label.fromString("")), compress: false, crc32, cipher: undefined }
      const stranger = yield* Layer.build(GossipSocketMemory.layer("serf"))
      const { send } = Context.get(stranger, GossipSocket)
      for (const bytes of Packet.encode({ parts: [alive], crc: false }, framing)) yield* send(h1.socket.address, bytes)
      const member = Effect.map(h1.gossip.members, (members) => members.find(({ id }) => id === "serf"))
      yield* TestClock.adjust("1 second")
      const seen = yield* member
      assert.isUndefined(seen?.host)
      assert.deepStrictEqual(seen?.meta, meta)
      seen?.meta.fill(0)
      assert.deepStrictEqual((yield* member)?.meta, meta)
    }).pipe(Effect.provide(Cluster.network("a")))
  )
})
