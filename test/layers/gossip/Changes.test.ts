/**
 * Who hears of members hears of all of them, however many change at once, and flows end with each host that is dead.
 */
import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, PubSub, References, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as SelfLive from "../../../src/layers/core/SelfLive.ts"
import * as FabricMesh from "../../../src/layers/fabric/FabricMesh.ts"
import * as GossipSocketMemory from "../../../src/layers/gossip/socket/GossipSocketMemory.ts"
import { MemoryNetwork } from "../../../src/layers/memory/MemoryNetwork.ts"
import * as RegistryLocal from "../../../src/layers/registry/RegistryLocal.ts"
import * as StreamCodec from "../../../src/protocol/memberlist/StreamCodec.ts"
import * as SwimConfig from "../../../src/protocol/swim/Config.ts"
import { Fabric } from "../../../src/services/Fabric.ts"
import { Gossip, type Member, type MemberChange } from "../../../src/services/Gossip.ts"
import { GossipSocket } from "../../../src/services/GossipSocket.ts"
import type { Host } from "../../../src/services/Host.ts"
import { Transport } from "../../../src/services/Transport.ts"
import * as Cluster from "./Cluster.ts"

const framing = { label: new Uint8Array(0), compress: false, crc32, cipher: undefined }

/** Changes that a reader of `changes` may be behind, and more members than that. */
const changesMax = 4096
const membersMax = 6000

/** Gives a host so many members in one exchange. */
const introduce = Effect.fnUntraced(function* (to: Cluster.Running) {
  const network = yield* MemoryNetwork
  const layer = GossipSocketMemory.layer("stranger").pipe(Layer.provide(Layer.succeed(MemoryNetwork, network)))
  const stranger = Context.get(yield* Layer.build(layer), GossipSocket)
  const nodes = Array.from({ length: membersMax }, (_, i) => ({
    name: `m${i}`,
    address: Uint8Array.of(10, 9, i >> 8, i & 255),
    port: 7946,
    meta: new Uint8Array(0),
    incarnation: 1,
    state: "alive" as const,
    versions: SwimConfig.versions
  }))
  const message = { _tag: "PushPull", join: false, nodes, userState: new Uint8Array(0) } as const
  const stream = yield* stranger.dial(to.socket.address)
  yield* stream.write(StreamCodec.encode(message, framing, "dialler"))
  yield* Effect.ignore(Effect.forever(stream.read))
})

const flows = (id: string): Host => ({
  id,
  generation: 1,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "",
  tags: {}
})

const dead = (id: string): MemberChange => {
  const member: Member = {
    ...{ id, status: "dead", incarnation: 1, address: "192.0.2.1", port: 7946 },
    ...{ meta: new Uint8Array(0), host: flows(id) }
  }
  return { member, from: "suspect", evidence: [] }
}

describe("changes of members", () => {
  it.effect("are all heard, where a slow reader of the stream loses the oldest", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1", { rules: { proof: false } })
      const heard = new Set<string>()
      yield* h1.gossip.onChange(({ member }) => Effect.sync(() => heard.add(member.id)))
      yield* Effect.forkScoped(introduce(h1))
      for (let turns = 0; turns < 100 && heard.size < membersMax; turns++) yield* TestClock.adjust("10 millis")
      assert.strictEqual((yield* h1.gossip.members).length, membersMax + 1)
      assert.strictEqual(heard.size, membersMax)
    }).pipe(Effect.provide(Cluster.network("burst")))
  )

  it.effect("may find a listener that fails, which neither stops the machine nor the other listeners", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const heard: Array<string> = []
      yield* h1.gossip.onChange(() => Effect.die("a bug"))
      yield* Effect.scoped(h1.gossip.onChange(() => Effect.die("heard after its scope")))
      yield* h1.gossip.onChange(({ from, member }) =>
        Effect.sync(() => {
          if (member.status !== from) heard.push(`${member.id} ${member.status}`)
        })
      )
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("1 second")
      yield* h2.close
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(heard, ["h2 alive", "h2 left"])
      assert.isAtLeast((yield* h1.gossip.counters)["passenger.defect"] ?? 0, 2)
    }).pipe(Effect.provide(Cluster.network("bug")))
  )

  it.effect("to dead end the flows of each host, of more than any stream would keep", () =>
    Effect.gen(function* () {
      // Both roads on which `GossipSwim` tells of changes.
      const changes = yield* PubSub.sliding<MemberChange>(changesMax)
      const listeners: Array<(change: MemberChange) => Effect.Effect<void>> = []
      const tell = (change: MemberChange) =>
        Effect.suspend(() => {
          PubSub.publishUnsafe(changes, change)
          return Effect.forEach(listeners, (told) => told(change), { discard: true })
        })
      const doubted: Array<string> = []
      const gossip = Layer.mock(Gossip, {
        changes: Stream.fromPubSub(changes),
        members: Effect.succeed([]),
        keyring: {
          size: Effect.succeed(0),
          list: Effect.succeed([]),
          verified: Effect.succeed({ incoming: false, outgoing: false }),
          verify: () => Effect.void,
          install: () => Effect.void,
          use: () => Effect.void,
          remove: () => Effect.void
        },
        broadcastBytesMax: 0,
        sendBytesMax: 0,
        onChange: (told) => Effect.sync(() => listeners.push(told))
      })
      const transport = Layer.mock(Transport, {
        flowPort: 0,
        serve: () => Effect.void,
        // Others run meanwhile, as when a host is asked for a sign of life.
        doubt: ({ id }) => Effect.map(Effect.yieldNow, () => doubted.push(id))
      })
      const layer = FabricMesh.layer.pipe(
        Layer.provideMerge(RegistryLocal.layer),
        Layer.provideMerge(Layer.mergeAll(gossip, transport, SelfLive.layer({ name: "h1" })))
      )
      assert.isObject(Context.get(yield* Layer.build(layer), Fabric))
      const names = Array.from({ length: membersMax }, (_, i) => `m${i}`)
      const burst = Effect.forEach(names, (name) => tell(dead(name)), { discard: true })
      yield* Effect.provideService(burst, References.PreventSchedulerYield, true)
      for (let turns = 0; turns < 2 * membersMax && doubted.length < membersMax; turns++) yield* Effect.yieldNow
      assert.deepStrictEqual(doubted, names)
    })
  )
})
