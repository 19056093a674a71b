/** Many who dial a gossip port: strangers that say nothing, or too much, and hosts that want to join meanwhile. */

import { randomBytes } from "node:crypto"
import * as Net from "node:net"
import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Schedule } from "effect"
import { TestClock } from "effect/testing"
import * as GossipSwim from "../../../src/layers/gossip/GossipSwim.ts"
import * as StreamSeats from "../../../src/layers/gossip/StreamSeats.ts"
import * as GossipSocketNode from "../../../src/layers/gossip/socket/GossipSocketNode.ts"
import { format } from "../../../src/protocol/Address.ts"
import * as Pace from "../../../src/protocol/memberlist/Pace.ts"
import * as Seats from "../../../src/protocol/memberlist/Seats.ts"
import * as StreamCodec from "../../../src/protocol/memberlist/StreamCodec.ts"
import { Gossip } from "../../../src/services/Gossip.ts"
import { GossipSocket } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "./Cluster.ts"
import { intruder } from "./Intruder.ts"

const plain = { label: new Uint8Array(0), compress: false, crc32, cipher: undefined }

const nobody = { _tag: "PushPull", join: false, nodes: [], userState: new Uint8Array(0) } as const

/** A push/pull of 35 bytes, which asks for all there is. */
const question = StreamCodec.encode(nobody, plain, "dialler")

describe("those that dial a gossip port", () => {
  it.effect("and say nothing have few seats of one address, and soon lose them when others wait", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const stranger = yield* intruder
      const dialling = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 120 }), () => stranger.dial(h1.socket.address), {
          concurrency: "unbounded"
        })
      )
      yield* TestClock.adjust("50 millis")
      yield* Fiber.join(dialling)
      const counted = (reason: string) => Effect.map(h1.gossip.counters, (counters) => counters[reason] ?? 0)
      const refused = 120 - Seats.sourceSeatsMax - Seats.sourceWaitingMax
      assert.strictEqual(yield* counted("stream.refused"), refused)
      assert.strictEqual(yield* counted("stream.headerTimeout"), 0)
      yield* TestClock.adjust("200 millis")
      assert.strictEqual(yield* counted("stream.headerTimeout"), Seats.sourceSeatsMax)
      // A host of another address does not wait at all.
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("100 millis")
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive h2:alive")
      yield* TestClock.adjust("5 seconds")
      const gone = (yield* counted("stream.headerTimeout")) + (yield* counted("stream.refused"))
      assert.strictEqual(gone, 120)
      yield* h2.close
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("and say nothing have two seconds when nobody waits", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const stranger = yield* intruder
      yield* Effect.forkChild(stranger.dial(h1.socket.address))
      yield* TestClock.adjust("1900 millis")
      assert.isUndefined((yield* h1.gossip.counters)["stream.headerTimeout"])
      yield* TestClock.adjust("200 millis")
      assert.strictEqual((yield* h1.gossip.counters)["stream.headerTimeout"], 1)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("and ask for all there is are answered so often, those of another address as well as before", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      const stranger = yield* intruder
      let answered = 0
      const ask = Effect.gen(function* () {
        const stream = yield* stranger.dial(h1.socket.address)
        yield* stream.write(question)
        yield* stream.read
        answered += 1
      }).pipe(Effect.scoped, Effect.ignore)
      const asking = Effect.forEach(Array.from({ length: 60 }), () => ask, { discard: true })
      for (let i = 0; i < 10; i++) {
        yield* Effect.forkChild(asking)
        yield* TestClock.adjust("1 second")
      }
      const most = StreamSeats.pushPullsBurst + 11 * StreamSeats.pushPullsPerSecond
      assert.isAtMost(answered, most)
      assert.isAtLeast(answered, StreamSeats.pushPullsBurst)
      const counters = yield* h1.gossip.counters
      assert.isAbove(counters["stream.pushPullRate"] ?? 0, 0)
      yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive h2:alive")
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("and are many hosts of one address, which all start at once, all get in", () =>
    Effect.gen(function* () {
      const room = StreamSeats.make({ count: (reason) => assert.fail(reason), isMember: () => false, now: () => 0 })
      const peer = { bytes: Uint8Array.of(10, 0, 0, 1), port: 1 }
      let [inside, most, served] = [0, 0, 0]
      const serve = Effect.gen(function* () {
        inside += 1
        most = Math.max(most, inside)
        yield* Effect.sleep("20 millis")
        inside -= 1
        served += 1
      })
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 64 }), () => room.seat(peer, () => serve), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(all)
      assert.deepStrictEqual([most, served], [Seats.sourceSeatsMax, 64])
    })
  )

  it.effect("are read as fast as one address may send, and faster once what they say is opened", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const room = StreamSeats.make({
        count: (reason) => assert.fail(reason),
        isMember: () => true,
        now: () => clock.currentTimeMillisUnsafe()
      })
      const chunk = new Uint8Array(65_536)
      let bytes = 0
      const read = Effect.sync(() => {
        bytes += chunk.length
        return chunk
      })
      const stream = {
        peer: { bytes: Uint8Array.of(10, 0, 0, 1), port: 1 },
        read,
        write: () => Effect.void,
        end: Effect.void
      }
      const streaming = room.seat(stream.peer, ({ paced }) =>
        Effect.ignore(Effect.forever(paced(stream).read, { disableYield: true }))
      )
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(streaming))
      yield* TestClock.adjust("2 seconds")
      const due = Pace.sourcePaceBytesBurst + 2 * Pace.sourcePaceBytesPerSecond
      const free = 2 * fibers.length * chunk.length
      assert.isTrue(bytes >= due && bytes <= due + free, `${bytes} of ${due}`)
      const reader = StreamCodec.make(plain, "acceptor")
      reader.opened = true
      yield* room.seat(stream.peer, ({ hold, paced }) => {
        hold(reader)
        return Effect.ignore(Effect.replicateEffect(paced(stream).read, 1_000))
      })
      yield* Effect.forEach(fibers, Fiber.interrupt)
    })
  )

  it.effect("and are interrupted give their seats and their memory back", () =>
    Effect.gen(function* () {
      const refused: Array<string> = []
      const room = StreamSeats.make({ count: (reason) => refused.push(reason), isMember: () => false, now: () => 0 })
      const peer = { bytes: Uint8Array.of(10, 0, 0, 1), port: 1 }
      const fibers = yield* Effect.forEach(Array.from({ length: 30 }), () =>
        Effect.forkChild(
          room.seat(peer, () => Effect.never),
          { startImmediately: true }
        )
      )
      yield* Effect.forEach(fibers, Fiber.interrupt)
      let served = 0
      yield* Effect.forEach(Array.from({ length: 8 }), () => room.seat(peer, () => Effect.sync(() => (served += 1))))
      assert.deepStrictEqual([served, refused], [8, []])
    })
  )
})

describe("over real sockets, with keys", () => {
  const host = "127.0.0.1"
  const key = randomBytes(32).toString("base64")

  const start = (name: string, seeds: ReadonlyArray<string>) =>
    Layer.build(
      GossipSwim.layer({ fabric: "test", seeds, meta: { flowPort: 0 }, encryption: { keys: [key] } }).pipe(
        Layer.provideMerge(GossipSocketNode.layer({ host, port: 0 })),
        Layer.provide(Cluster.self(name))
      )
    ).pipe(
      Effect.flatMap((services) =>
        Effect.provide(
          Effect.gen(function* () {
            return { gossip: yield* Gossip, socket: yield* GossipSocket }
          }),
          services
        )
      )
    )

  /** So many connections of another address, which send these bytes, or nothing. */
  const crowd = (port: number, times: number, bytes: ReadonlyArray<Uint8Array>) =>
    Effect.acquireRelease(
      Effect.sync(() =>
        Array.from({ length: times }, () => {
          const conn = Net.connect({ host, port, localAddress: "127.0.0.2" })
          conn.on("error", () => undefined)
          for (const each of bytes) conn.write(each)
          return conn
        })
      ),
      (conns) => Effect.sync(() => conns.forEach((conn) => void conn.destroy()))
    )

  const joins = (seed: string) =>
    Effect.gen(function* () {
      const b = yield* start("b", [seed])
      yield* b.gossip.members.pipe(
        Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (members) => members.length === 2 }),
        Effect.timeout("5 seconds")
      )
    })

  it.live("a host joins while 140 others say nothing", () =>
    Effect.gen(function* () {
      const a = yield* start("a", [])
      yield* crowd(a.socket.address.port, 140, [])
      yield* Effect.sleep("100 millis")
      yield* joins(format(a.socket.address))
    })
  )

  it.live("a host joins while others send what nobody can open, and their bytes are bounded", () =>
    Effect.gen(function* () {
      const a = yield* start("a", [])
      const length = 20_000_000
      const header = Uint8Array.of(244, 4, 116, 101, 115, 116, 10, length >>> 24, length >>> 16, length >>> 8, length)
      const before = process.memoryUsage().arrayBuffers
      yield* crowd(a.socket.address.port, 30, [header, randomBytes(length - 1)])
      yield* a.gossip.counters.pipe(
        Effect.repeat({
          schedule: Schedule.spaced("20 millis"),
          until: (counters) => (counters["stream.memory"] ?? 0) > 0
        }),
        Effect.timeout("10 seconds")
      )
      assert.isBelow(process.memoryUsage().arrayBuffers - before, 200_000_000)
      yield* joins(format(a.socket.address))
    })
  )
})
