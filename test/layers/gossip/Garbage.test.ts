import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Cause, Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import { readMessage } from "../../../src/layers/gossip/StreamExchange.ts"
import { MemoryNetwork } from "../../../src/layers/memory/MemoryNetwork.ts"
import * as Bytes from "../../../src/protocol/Bytes.ts"
import * as Compression from "../../../src/protocol/memberlist/Compression.ts"
import * as Intake from "../../../src/protocol/memberlist/Intake.ts"
import { MessageType } from "../../../src/protocol/memberlist/Message.ts"
import * as StreamCodec from "../../../src/protocol/memberlist/StreamCodec.ts"
import type { GossipSocket } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "./Cluster.ts"
import { intruder } from "./Intruder.ts"

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"))
const plain = { label: new Uint8Array(0), compress: false, crc32, cipher: undefined }

/** Two hosts that see each other, and a third on the same network. */
const setting = Effect.fnUntraced(function* (fabric = "", through?: Parameters<typeof Cluster.start>[3]) {
  const h1 = yield* Cluster.start("h1", { fabric }, 1, through)
  const h2 = yield* Cluster.start("h2", { fabric, seeds: ["h1"] })
  const stranger = yield* intruder
  yield* TestClock.adjust("5 seconds")
  return { h1, h2, stranger }
})

const assertUp = Effect.fnUntraced(function* (hosts: ReadonlyArray<Cluster.Running>) {
  yield* TestClock.adjust("20 seconds")
  for (const host of hosts) assert.strictEqual(yield* Cluster.view(host), "h1:alive h2:alive")
})

const label = (text: string): Uint8Array =>
  Bytes.concat([Uint8Array.of(MessageType.hasLabel, text.length), Buffer.from(text)])

const ping = hex("0082a44e6f6465a162a55365714e6f2a")

const floodOf = 10_000

/** A socket that hands over each such ping so many times at once, from addresses of its own choice. */
const flooded =
  (from: (i: number) => Uint8Array | undefined) =>
  (socket: GossipSocket["Service"]): GossipSocket["Service"] => ({
    ...socket,
    receive: Effect.map(socket.receive, (datagrams) =>
      Arr.flatMap(datagrams, (datagram) =>
        Buffer.compare(datagram.payload, ping) === 0
          ? Arr.makeBy(floodOf, (i) => ({
              ...datagram,
              from: { ...datagram.from, bytes: from(i) ?? datagram.from.bytes }
            }))
          : [datagram]
      )
    )
  })

describe("garbage datagrams", () => {
  it.effect.each([
    ["one byte of no type, U1", [Uint8Array.of(200)], { "packet.type": 1 }],
    ["random bytes, U1", [new Uint8Array(65_507).fill(0xa7)], { "packet.type": 1 }],
    [
      "labels cut short, of length 0 and wrong, U2",
      [hex("f4"), hex("f400"), hex("f405aa"), label("x")],
      { "packet.label": 4 }
    ],
    ["two labels, U2", [Bytes.concat([label("x"), label("x"), ping])], { "packet.label": 1 }],
    ["types that no packet has, U9", [hex("0e"), hex("f3"), hex("0681"), hex("0d80")], { "packet.type": 4 }],
    ["a bad checksum, U5", [hex("0ca87cc0fa0082a44e6f6465a162a55365714e6f2a")], { "packet.crc": 1 }],
    ["a compound without its table, U8", [hex("07ff")], { "packet.truncated": 1 }],
    ["broken msgpack, U10", [hex("0482a441"), hex("03ff")], { "packet.truncated": 1, "packet.malformed": 1 }],
    ["a ping for another host, U11", [ping], { "swim.wrongTarget": 1 }]
  ] as const)("%s", ([, datagrams, counted]) =>
    Effect.gen(function* () {
      const { h1, h2, stranger } = yield* setting()
      const before = yield* h1.gossip.counters
      for (const datagram of datagrams) yield* stranger.send(h1.socket.address, datagram)
      yield* TestClock.adjust("1 second")
      const more = Object.entries(yield* h1.gossip.counters).flatMap(([reason, times]) => {
        const since = times - (before[reason] ?? 0)
        return since === 0 ? [] : [[reason, since]]
      })
      assert.deepStrictEqual(Object.fromEntries(more), counted)
      yield* assertUp([h1, h2])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect.each([
    ["of one address", () => undefined, "packet.sourceRate", Intake.sourceUnitsBurst],
    ["of as many addresses as it likes", (i: number) => Uint8Array.of(10, 9, i >> 8, i & 255), "packet.rate", 2000]
  ] as const)("a flood %s is dropped and counted, and the members are heard meanwhile", ([, from, reason, burst]) =>
    Effect.gen(function* () {
      const { h1, h2, stranger } = yield* setting("", flooded(from))
      const before = yield* h1.gossip.counters
      yield* stranger.send(h1.socket.address, ping)
      yield* TestClock.adjust("1 second")
      const counters = yield* h1.gossip.counters
      const [dropped, heard] = [reason, "swim.wrongTarget"].map(
        (reason) => (counters[reason] ?? 0) - (before[reason] ?? 0)
      )
      assert.deepStrictEqual([dropped, heard], [floodOf - burst, burst], JSON.stringify(counters))
      for (let i = 0; i < 20; i++) {
        yield* stranger.send(h1.socket.address, ping)
        yield* TestClock.adjust("1 second")
      }
      yield* assertUp([h1, h2])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("a host of another fabric is neither heard nor let in, and is counted", () =>
    Effect.gen(function* () {
      const { h1, h2 } = yield* setting("prod")
      const other = yield* Cluster.start("other", { fabric: "test" })
      const joining = yield* Effect.forkChild(Effect.flip(other.gossip.join(["h1"])))
      yield* other.socket.send(h1.socket.address, Bytes.concat([label("test"), ping]))
      yield* other.socket.send(h1.socket.address, ping)
      yield* TestClock.adjust("15 seconds")
      const error = yield* Fiber.join(joining)
      assert.strictEqual(error.reason._tag, "JoinFailed")
      assert.include(error.message, "h1")
      const counters = yield* h1.gossip.counters
      assert.strictEqual(counters["packet.label"], 2)
      assert.strictEqual(counters["stream.label"], 1)
      yield* assertUp([h1, h2])
      assert.strictEqual(yield* Cluster.view(other), "other:alive")
    }).pipe(Effect.provide(Cluster.network("a")))
  )
})

describe("garbage streams", () => {
  /** Says something over a stream: what came back until the peer closed. */
  const say = Effect.fnUntraced(function* (
    stranger: GossipSocket["Service"],
    host: Cluster.Running,
    pieces: ReadonlyArray<Uint8Array>,
    end = true
  ) {
    const stream = yield* stranger.dial(host.socket.address)
    for (const piece of pieces) yield* Effect.ignore(stream.write(piece))
    if (end) yield* Effect.ignore(stream.end)
    const chunks: Array<Uint8Array> = []
    yield* Effect.forever(Effect.map(stream.read, (chunk) => chunks.push(chunk))).pipe(Effect.ignore)
    return Bytes.concat(chunks)
  }, Effect.scoped)

  it.effect.each([
    ["nothing at all, S1", [], "stream.silent"],
    ["an encrypted message of length 0, S2", [hex("0a00000000")], "stream.encrypted"],
    ["an encrypted message above 20 MiB, S2", [hex("0affffffff")], "stream.encrypted"],
    [
      "a push/pull of -1 nodes, S3",
      [hex("0683a44a6f696ec3a54e6f646573ffac5573657253746174654c656e00")],
      "stream.nodes"
    ],
    [
      "a push/pull of 2^20 + 1 nodes, S3",
      [hex("0683a44a6f696ec3a54e6f646573ce00100001ac5573657253746174654c656e00")],
      "stream.nodes"
    ],
    [
      "a user state of -1 bytes, S3",
      [hex("0683a44a6f696ec3a54e6f64657300ac5573657253746174654c656eff")],
      "stream.userState"
    ],
    [
      "a push/pull without its nodes, S3",
      [hex("0683a44a6f696ec3a54e6f64657302ac5573657253746174654c656e00")],
      "stream.truncated"
    ],
    ["a join of the wrong type, S3", [hex("0681a44a6f696ea178")], "stream.malformed"],
    ["a compressed message that is none, S5", [hex("0982a4416c676f00a3427566a3000302")], "stream.inflate"],
    ["a user message above 20 MiB, S6", [hex("0881aa557365724d73674c656ece01400001")], "stream.userMessage"],
    ["an unknown type, S6", [hex("63")], "stream.type"],
    ["a ping for another host", [ping], "stream.wrongTarget"]
  ] as const)("%s", ([, pieces, reason]) =>
    Effect.gen(function* () {
      const { h1, h2, stranger } = yield* setting()
      const saying = yield* Effect.forkChild(say(stranger, h1, pieces))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(saying)
      const counters = yield* h1.gossip.counters
      assert.strictEqual(counters[reason], 1, JSON.stringify(counters))
      yield* assertUp([h1, h2])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("an Err answers a message that cannot be unwrapped", () =>
    Effect.gen(function* () {
      const { h1, stranger } = yield* setting()
      const saying = yield* Effect.forkChild(say(stranger, h1, [hex("0a00000010")]))
      yield* TestClock.adjust("2 seconds")
      const reader = StreamCodec.make(plain, "dialler")
      const answer = yield* Effect.fromResult(StreamCodec.push(reader, yield* Fiber.join(saying)))
      assert.strictEqual(Option.getOrUndefined(answer)?.message._tag, "Err")
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("a slow talker is cut off at the deadline of the exchange, not of each byte, S1", () =>
    Effect.gen(function* () {
      const { h1, h2, stranger } = yield* setting()
      const stream = yield* stranger
        .dial(h1.socket.address)
        .pipe(Effect.forkChild, Effect.tap(TestClock.adjust("10 millis")), Effect.flatMap(Fiber.join))
      const header = hex("0683a44a6f696ec3a54e6f646573")
      yield* stream.write(header.subarray(0, 1))
      yield* TestClock.adjust("9 seconds")
      yield* stream.write(header.subarray(1, 2))
      yield* TestClock.adjust("1100 millis")
      const end = yield* Effect.exit(stream.read)
      assert.isTrue(end._tag === "Failure" && Cause.hasFails(end.cause))
      assert.strictEqual((yield* h1.gossip.counters)["stream.timeout"], 1)
      yield* assertUp([h1, h2])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("a state that stops half-way is not merged, S7", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const { h1, h2, stranger } = yield* setting()
      const node = {
        name: "ghost",
        address: Uint8Array.of(10, 0, 0, 99),
        port: 7946,
        meta: new Uint8Array(0),
        incarnation: 1,
        state: "alive",
        versions: Uint8Array.of(1, 5, 2, 0, 0, 0)
      } as const
      const message = { _tag: "PushPull", join: true, nodes: [node, node], userState: new Uint8Array(9) } as const
      const state = StreamCodec.encode(message, plain, "dialler")
      const saying = yield* Effect.forkChild(say(stranger, h1, [state.subarray(0, -4)], false))
      yield* TestClock.adjust("1 second")
      yield* network.kill("intruder")
      yield* Fiber.join(saying)
      yield* TestClock.adjust("1 second")
      const counters = yield* h1.gossip.counters
      assert.strictEqual(counters["stream.lost"], 1, JSON.stringify(counters))
      yield* assertUp([h1, h2])
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("others run while a bomb is inflated, S5", () =>
    Effect.gen(function* () {
      const bomb = Compression.encode(new Uint8Array(41_943_041))
      const read = Effect.succeed(bomb)
      const peer = { bytes: Uint8Array.of(10, 0, 0, 1), port: 1 }
      const stream = { peer, read, write: () => Effect.void, end: Effect.void }
      const reading = yield* Effect.forkChild(Effect.flip(readMessage(stream, plain, "acceptor")))
      let turns = 0
      while (reading.pollUnsafe() === undefined) {
        turns += 1
        yield* Effect.yieldNow
      }
      assert.isAtLeast(turns, 40 * 8)
      const failure = yield* Fiber.join(reading)
      assert.isTrue(failure._tag === "Unreadable" && failure.rejection.reason === "inflate", failure._tag)
    })
  )

  it.effect("a bomb is counted, and harms nobody, S5", () =>
    Effect.gen(function* () {
      const { h1, h2, stranger } = yield* setting()
      const saying = yield* Effect.forkChild(say(stranger, h1, [Compression.encode(new Uint8Array(41_943_041))]))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(saying)
      const counters = yield* h1.gossip.counters
      assert.strictEqual(counters["stream.inflate"], 1, JSON.stringify(counters))
      yield* assertUp([h1, h2])
    }).pipe(Effect.provide(Cluster.network("a")))
  )
})
