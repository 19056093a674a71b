/**
 * What a flow port makes of clients that break the rules of HTTP/2 and of Connect, frame by frame: it ends what they broke,
 * within its bound, and a flow of somebody else on the same port goes on.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import * as Serving from "../../../../../src/layers/flow/Serving.ts"
import { streamWindowBytes } from "../../../../../src/layers/transport/http2/Session.ts"
import * as Allowance from "../../../../../src/protocol/flow/Allowance.ts"
import * as Frame from "../../../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../../../src/protocol/flow/FrameBytes.ts"
import * as Caller from "../Caller.ts"
import { asked, type Heard, open, paths, request, say } from "../RawClient.ts"
import * as RawPeer from "../RawPeer.ts"
import { server } from "../Server.ts"

const { code, data, frame, headers, type } = RawPeer

/** A client that speaks frame by frame answers no PING, and a thousand streams keep this process busy. */
const keepalive = { interval: "1 hour", timeout: "1 second" } as const
const bounds = { firstStreamTimeout: "300 millis", frameTimeout: "300 millis", keepalive } as const
const flows: Serving.Config = {
  ...Serving.defaults,
  openTimeout: "300 millis",
  handlerGrace: "50 millis",
  drainTimeout: "200 millis"
}

/** A host, and a flow to it that must not notice anything. */
const worldWith = Effect.fnUntraced(function* (config: Serving.Config) {
  const host = yield* server(bounds, config, Effect.sleep("50 millis"))
  const caller = yield* Caller.make({ keepalive })
  const witness = yield* caller.open(host.port)
  const untouched = Effect.gen(function* () {
    yield* witness.send(Uint8Array.of(42))
    assert.deepStrictEqual([...(yield* Caller.soon(witness.receive))], [42])
  })
  yield* untouched
  return { ...host, untouched }
})
const world = worldWith(flows)

describe("clients that break HTTP/2", () => {
  const many = (count: number, make: (index: number) => Buffer) =>
    Buffer.concat(Array.from({ length: count }, (_, index) => make(index)))
  const most = Buffer.from([0x7f, 255, 255, 255])

  const closing: ReadonlyArray<readonly [string, Buffer]> = [
    ["HEADERS without an end", frame(type.headers, 0, 1, headers(1, request).subarray(9))],
    [
      "a flood of CONTINUATION",
      Buffer.concat([
        frame(type.headers, 0, 1, headers(1, request).subarray(9)),
        many(2000, () => frame(9, 0, 1, Buffer.alloc(9500, 0)))
      ])
    ],
    [
      "headers in nine pieces more than one",
      Buffer.concat([
        frame(type.headers, 0, 1, headers(1, request).subarray(9)),
        many(9, (index) => frame(9, index === 8 ? 4 : 0, 1, Buffer.alloc(0)))
      ])
    ],
    ["a window of the session that overflows", Buffer.concat([asked, frame(type.windowUpdate, 0, 0, most)])],
    ["a window of a stream that overflows", Buffer.concat([asked, frame(type.windowUpdate, 0, 1, most)])],
    ["a window that grows by nothing", frame(type.windowUpdate, 0, 0, Buffer.alloc(4))],
    ["a promise of a stream", frame(5, 4, 1, Buffer.from([0, 0, 0, 2]))],
    ["a stream with an even number", headers(2, request)],
    ["DATA on a stream that is not there", data(1, Buffer.alloc(10))],
    ["headers that are no HPACK", frame(type.headers, 4, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ["a frame of 16 MiB", Buffer.concat([asked, Buffer.from([255, 255, 255, 0, 0, 0, 0, 0, 1])])],
    [
      "too many settings",
      frame(
        type.settings,
        0,
        0,
        many(40, () => Buffer.from([0, 3, 0, 0, 0, 1]))
      )
    ]
  ]
  for (const [what, bytes] of closing) {
    it.live(`${what}: the connection is closed`, () =>
      Effect.gen(function* () {
        const { port, untouched } = yield* world
        const client = yield* say(port, bytes)
        yield* client.closed
        yield* untouched
      })
    )
  }

  /** A request on stream 1 in a block of headers that is cut as HTTP/2 cuts it, and a good one on stream 3. */
  const asWell = (...more: ReadonlyArray<Readonly<Record<string, string>>>) => {
    const block = Buffer.concat([request, ...more].map((some) => headers(1, some).subarray(9)))
    const pieces = Array.from({ length: Math.ceil(block.byteLength / 16_000) }, (_, i) =>
      frame(
        i === 0 ? type.headers : 9,
        (i + 1) * 16_000 >= block.byteLength ? 4 : 0,
        1,
        block.subarray(i * 16_000, (i + 1) * 16_000)
      )
    )
    return [...pieces, headers(3, request), data(3, Buffer.concat([open, Caller.message, Caller.end(1)]), true)]
  }
  it.live("headers in eight pieces more than one: the call is served", () =>
    Effect.gen(function* () {
      const { port } = yield* world
      const [first, ...pieces] = [headers(1, request).subarray(9), ...Array.from({ length: 8 }, () => Buffer.alloc(0))]
      const client = yield* say(
        port,
        frame(type.headers, 0, 1, first),
        ...pieces.map((piece, index) => frame(9, index === 7 ? 4 : 0, 1, piece)),
        data(1, Buffer.concat([open, Caller.message, Caller.end(1)]), true)
      )
      yield* client.until(() => client.isEnded(1))
      assert.strictEqual(client.answer(1), answered)
    })
  )

  const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, "y"]))
  const answered = Buffer.concat([Caller.accepted, Caller.message, Caller.end(1), Caller.goodEnd]).toString("latin1")

  for (const [what, more] of [
    ["65 headers", [pairs(65 - Object.keys(request).length)]],
    ["headers of more than 16 KiB", Array.from({ length: 100 }, () => ({ "x-large": "y".repeat(120) }))],
    ["headers of 40 kB", Array.from({ length: 400 }, () => ({ "x-large": "y".repeat(100) }))]
  ] as const)
    it.live(`${what}: the stream is refused, and its neighbour is not`, () =>
      Effect.gen(function* () {
        const { port, served, untouched } = yield* world
        const before = served.flows
        const client = yield* say(port, ...asWell(...more))
        yield* client.until(() => client.isEnded(3))
        const said = client.heard().find(({ kind, stream }) => kind === type.reset && stream === 1)
        assert.strictEqual(said?.payload.readUInt32BE(0), code.calm)
        assert.strictEqual(client.answer(3), answered)
        assert.strictEqual(served.flows, before + 1)
        yield* untouched
      })
    )

  it.live("64 headers are served", () =>
    Effect.gen(function* () {
      const { port } = yield* world
      const client = yield* say(
        port,
        ...asWell(pairs(64 - Object.keys(request).length)),
        data(1, Buffer.concat([open, Caller.message, Caller.end(1)]), true)
      )
      yield* client.until(() => client.isEnded(1) && client.isEnded(3))
      assert.strictEqual(client.answer(1), answered)
    })
  )

  it.live("streams beyond the limit are refused, and those within it go on", () =>
    Effect.gen(function* () {
      const host = yield* server({ streamsMax: 3, keepalive }, flows)
      const all = [1, 3, 5, 7, 9].map((id) => Buffer.concat([headers(id, request), data(id, open)]))
      const client = yield* say(host.port, ...all)
      const refused = () =>
        client
          .heard()
          .flatMap(({ kind, payload, stream }) =>
            kind === type.reset && payload.readUInt32BE(0) === code.refused ? [stream] : []
          )
      yield* client.until(() => refused().length === 2)
      assert.deepStrictEqual(refused(), [7, 9])
      for (const id of [1, 3, 5]) client.socket.write(data(id, Buffer.concat([Caller.message, Caller.end(1)]), true))
      for (const id of [1, 3, 5]) {
        yield* client.until(() => client.isEnded(id))
        assert.strictEqual(client.answer(id), answered)
      }
      assert.strictEqual(host.served.flows, 3)
    })
  )

  it.live("are told the bounds of a session", () =>
    Effect.gen(function* () {
      const { port } = yield* world
      const client = yield* say(port)
      yield* client.until(() => client.heard().some(({ kind }) => kind === type.settings))
      const said = client.heard().find(({ kind }) => kind === type.settings)?.payload ?? Buffer.alloc(0)
      const told = new Map(
        Array.from({ length: said.byteLength / 6 }, (_, i) => [said.readUInt16BE(6 * i), said.readUInt32BE(6 * i + 2)])
      )
      const [push, streams, window, headerList, connectProtocol] = [2, 3, 4, 6, 8]
      assert.strictEqual(told.get(push), 0)
      assert.strictEqual(told.get(streams), 256)
      assert.strictEqual(told.get(window), streamWindowBytes)
      assert.strictEqual(told.get(headerList), 16_384)
      assert.isUndefined(told.get(connectProtocol))
    })
  )
})

/** What the last frame of a flow has in it whose other side broke the rules. */
const violation = Buffer.from(FrameBytes.encode(Frame.fail("ProtocolViolation", "")))
  .subarray(7, 9)
  .toString("latin1")

describe("clients that break Connect", () => {
  const envelope = (flags: number, length: number, text = "") =>
    Buffer.concat([Buffer.from([flags, 0, 0, length >> 8, length & 255]), Buffer.from(text)])

  const wrong: ReadonlyArray<readonly [string, Buffer]> = [
    ["unknown flags", envelope(0x80, 0)],
    ["flags 0x04", envelope(0x04, 0)],
    ["a compressed message", envelope(1, 0)],
    ["an end, which only answers have", envelope(2, 2, "{}")],
    ["a frame above its limit", Buffer.from([0, 255, 255, 255, 255])],
    ["a frame that does not go on", envelope(0, 100, "abc")],
    ["a protobuf tag of 0", envelope(0, 2, "\u0000\u0000")],
    ["a protobuf wire type of 6", envelope(0, 2, "\u000e\u0000")],
    ["a protobuf wire type of 7", envelope(0, 2, "\u000f\u0000")],
    ["a protobuf field that is cut", envelope(0, 3, "\u0022\u0005a")],
    [
      "a varint of 11 bytes",
      Buffer.concat([envelope(0, 13), Buffer.from([0x2a, 11]), Buffer.alloc(10, 255), Buffer.of(1)])
    ],
    ["100,000 nested groups", Buffer.concat([Buffer.from([0, 0, 1, 0x86, 0xa0]), Buffer.alloc(100_000, 0x0b)])],
    ["a second Open", Buffer.from(open)],
    ["a frame of no kind", envelope(0, 0)],
    ["an answer", Buffer.from(Caller.accepted)],
    ["an End that miscounts", Buffer.from(Caller.end(1))]
  ]
  for (const [path, asking] of paths) {
    for (const [what, bytes] of wrong) {
      it.live(`${what}: the flow is told, and fails (${path})`, () =>
        Effect.gen(function* () {
          const { ended, port, untouched } = yield* world
          const pieces = Array.from({ length: Math.ceil(bytes.byteLength / 16_000) }, (_, i) =>
            data(1, bytes.subarray(i * 16_000, (i + 1) * 16_000))
          )
          // Another flow of the same connection, which must not notice anything either.
          const client = yield* say(port, asking(1), asking(3), data(3, open), data(1, open), ...pieces)
          yield* client.until(() => client.isEnded(1))
          assert.include(client.answer(1), violation)
          assert.strictEqual(yield* Caller.soon(Queue.take(ended)), "ProtocolViolation")
          client.socket.write(data(3, Buffer.concat([Caller.message, Caller.end(1)]), true))
          yield* client.until(() => client.isEnded(3))
          const whole = Buffer.concat([Caller.accepted, Caller.message, Caller.end(1)])
          assert.isTrue(client.answer(3).startsWith(whole.toString("latin1")), client.answer(3))
          yield* untouched
        })
      )
    }

    // The handler may be done with its good end by then.
    for (const [what, after] of [
      ["Data", Caller.message],
      ["a second End", Caller.end(0)]
    ] as const)
      it.live(`${what} after End: the flow is told (${path})`, () =>
        Effect.gen(function* () {
          const { port, untouched } = yield* world
          const client = yield* say(port, asking(1), data(1, open), data(1, Buffer.concat([Caller.end(0), after])))
          yield* client.until(() => client.isEnded(1))
          assert.include(client.answer(1), violation)
          yield* untouched
        })
      )

    for (const [what, begun] of [
      ["without a first frame", ""],
      ["that stops within its first frame", open.subarray(0, 9)]
    ] as const)
      it.live(`a stream ${what} is told in time (${path})`, () =>
        Effect.gen(function* () {
          const { port, served, untouched } = yield* world
          const before = served.flows
          const client = yield* say(port, asking(1), asking(3), data(1, Buffer.from(begun)), data(3, open))
          yield* client.until(() => client.isEnded(1))
          assert.include(client.answer(1), violation)
          assert.strictEqual(served.flows, before + 1)
          client.socket.write(data(3, Caller.end(0), true))
          yield* client.until(() => client.isEnded(3))
          yield* untouched
        })
      )

    it.live(`a frame that comes byte by byte for too long: the flow is told, and fails (${path})`, () =>
      Effect.gen(function* () {
        const { ended, port, untouched } = yield* world
        const client = yield* say(port, asking(1), data(1, open), data(1, Buffer.from([0, 0, 0, 0xff, 0xff])))
        const trickle = Effect.andThen(
          Effect.sync(() => client.socket.write(data(1, Buffer.of(0)))),
          Effect.sleep("5 millis")
        )
        yield* Effect.raceFirst(
          Effect.forever(trickle),
          client.until(() => client.isEnded(1))
        )
        assert.strictEqual(yield* Caller.soon(Queue.take(ended)), "ProtocolViolation")
        yield* untouched
      })
    )

    it.live(`half a frame, and the end of the stream: PeerLost (${path})`, () =>
      Effect.gen(function* () {
        const { ended, port, untouched } = yield* world
        yield* say(port, asking(1), data(1, open), data(1, Buffer.from(Caller.message.subarray(0, 6)), true))
        assert.strictEqual(yield* Caller.soon(Queue.take(ended)), "PeerLost")
        yield* untouched
      })
    )

    it.live(`1,000 streams that each begin a frame and stop: all are ended, and few are served (${path})`, () =>
      Effect.gen(function* () {
        // So many take their time to say Open.
        const { port, served, untouched } = yield* worldWith({ ...flows, openTimeout: "10 seconds" })
        const before = served.flows
        const begun = Buffer.concat([Buffer.from(open), Buffer.from([0, 0, 1, 0, 0])])
        const ids = Array.from({ length: 1000 }, (_, i) => 2 * i + 1)
        const client = yield* say(port, ...ids.map((id) => Buffer.concat([asking(id), data(id, begun)])))
        // A machine that is busy may reset one whose answer does not leave in time.
        const isOver = ({ flags, kind, stream }: Heard) => stream > 0 && ((flags & 1) === 1 || kind === type.reset)
        const over = () => new Set(client.heard().flatMap((one) => (isOver(one) ? [one.stream] : [])))
        yield* client.until(() => over().size === ids.length)
        // A client that waits for no leave to open more gets none, and is not closed for that.
        assert.isAtLeast(served.flows, before + Allowance.aheadMin)
        assert.isAtMost(served.flows, before + 1000)
        assert.isFalse(client.socket.closed)
        yield* untouched
      })
    )
  }

  it.live("a client that says GOAWAY may still bring its flow to a good end", () =>
    Effect.gen(function* () {
      const { ended, port, untouched } = yield* world
      const rest = Buffer.concat([Caller.message, Caller.end(1)])
      const client = yield* say(port, asked, data(1, open), RawPeer.goaway(0, code.none))
      yield* client.until(() => client.answer(1).length === Caller.accepted.byteLength)
      client.socket.write(data(1, rest, true))
      yield* client.until(() => client.answer(1).endsWith("{}"))
      const whole = Buffer.concat([Caller.accepted, Caller.message, Caller.end(1), Caller.goodEnd])
      assert.strictEqual(client.answer(1), whole.toString("latin1"))
      assert.strictEqual(yield* Queue.size(ended), 0)
      yield* untouched
    })
  )
})
