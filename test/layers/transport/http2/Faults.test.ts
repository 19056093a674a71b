/**
 * Faults of a peer and of the way to it, each made on purpose: one reason for each, and an exact word on delivery. Those of
 * TLS are in `Tls.test.ts`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import * as Caller from "./Caller.ts"
import * as RawPeer from "./RawPeer.ts"

const { code, type } = RawPeer

/** Lost soon when the peer goes silent. */
const config = { keepalive: { interval: "100 millis", timeout: "200 millis" }, frameTimeout: "300 millis" } as const

describe("before a flow exists", () => {
  /** What becomes of `open`, and how many connections it took. */
  const opened = (behaviour: RawPeer.Behaviour) =>
    Effect.gen(function* () {
      const peer = yield* RawPeer.serve(behaviour)
      const { open } = yield* Caller.make(config)
      const error = yield* Caller.soon(Effect.flip(Effect.scoped(open(peer.port))))
      return { reason: Caller.reasonOf(error), connections: peer.connections() }
    })

  const onOpen = (answer: (stream: number, connection: RawPeer.Connection) => void): RawPeer.Behaviour => ({
    onFrame: ({ kind, stream }, connection) => {
      if (kind === type.headers) answer(stream, connection)
    }
  })
  const status = (status: string) =>
    onOpen((stream, { write }) => write(RawPeer.headers(stream, { ":status": status }, true)))
  const resets = (why: number) => onOpen((stream, { write }) => write(RawPeer.reset(stream, why)))

  const faults: ReadonlyArray<readonly [string, RawPeer.Behaviour, string, number]> = [
    ["TCP accepted, then closed", { onConnection: ({ socket }) => socket.end() }, "HostUnreachable", 1],
    ["TCP accepted, then reset", { onConnection: ({ socket }) => socket.resetAndDestroy() }, "HostUnreachable", 1],
    ["a peer that says nothing", { isSilent: true }, "HostUnreachable", 1],
    ["a peer that answers no PING", { isDeaf: true }, "HostUnreachable", 1],
    [
      "an HTTP/1.1 peer",
      { isSilent: true, onConnection: ({ socket }) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") },
      "HostUnreachable",
      1
    ],
    [
      "garbage",
      { isSilent: true, onConnection: ({ socket }) => socket.end(Buffer.alloc(64, 7)) },
      "HostUnreachable",
      1
    ],
    ["HTTP status 404", status("404"), "Incompatible", 1],
    ["HTTP status 415", status("415"), "Incompatible", 1],
    ["HTTP status 401", status("401"), "Unauthorized", 1],
    ["HTTP status 403", status("403"), "Unauthorized", 1],
    ["HTTP status 429", status("429"), "EndpointBusy", 1],
    ["HTTP status 503", status("503"), "HostUnreachable", 1],
    ["RST_STREAM NO_ERROR before headers", resets(code.none), "HostUnreachable", 1],
    ["RST_STREAM CANCEL", resets(code.cancel), "HostUnreachable", 1],
    ["RST_STREAM INTERNAL_ERROR", resets(code.internal), "HostUnreachable", 1],
    ["RST_STREAM ENHANCE_YOUR_CALM", resets(code.calm), "HostUnreachable", 1],
    ["RST_STREAM REFUSED_STREAM, tried once more on a new session", resets(code.refused), "HostUnreachable", 2],
    [
      "GOAWAY that does not cover the stream, tried once more on a new session",
      onOpen((_, { write }) => write(RawPeer.goaway(0, code.none))),
      "HostUnreachable",
      2
    ],
    [
      "GOAWAY with an error that does not cover the stream, tried once more on a new session",
      onOpen((_, { write }) => write(RawPeer.goaway(0, code.calm))),
      "HostUnreachable",
      2
    ],
    [
      "GOAWAY with an error that covers the stream",
      onOpen((stream, { write }) => write(RawPeer.goaway(stream, code.internal))),
      "HostUnreachable",
      1
    ],
    [
      "an answer that ends without a frame",
      onOpen((stream, { write }) =>
        write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, Caller.goodEnd, true))
      ),
      "HostUnreachable",
      1
    ],
    [
      "another frame than an answer",
      onOpen((stream, { write }) => write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, Caller.message))),
      "Incompatible",
      1
    ]
  ]
  for (const [fault, behaviour, reason, connections] of faults) {
    it.live(`${fault}: ${reason}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* opened(behaviour), { reason, connections })
      })
    )
  }

  it.live("a refused connection, and a name that does not resolve: HostUnreachable", () =>
    Effect.gen(function* () {
      const { open } = yield* Caller.make()
      Caller.assertReason(yield* Caller.soon(Effect.flip(Effect.scoped(open(1)))), "HostUnreachable")
      const unresolved = Effect.flip(Effect.scoped(open(7947, "nowhere.invalid")))
      Caller.assertReason(yield* Caller.soon(unresolved), "HostUnreachable")
    })
  )

  it.live("a stream that was refused once is opened on the next session", () =>
    Effect.gen(function* () {
      const peer = yield* RawPeer.serve(
        onOpen((stream, { number, write }) =>
          number === 0
            ? write(RawPeer.reset(stream, code.refused))
            : write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, Caller.accepted))
        )
      )
      const { open } = yield* Caller.make(config)
      yield* Caller.soon(open(peer.port))
      assert.strictEqual(peer.connections(), 2)
    })
  )
})

describe("on a flow that exists", () => {
  type Fault = (stream: number, connection: RawPeer.Connection) => void

  /** A flow to a peer that accepts it and reads; `fault` strikes when told. */
  const flowWith = (fault: Fault, behaviour: RawPeer.Behaviour = {}) =>
    Effect.gen(function* () {
      const seen = yield* Deferred.make<void>()
      let strike: (() => void) | undefined
      const peer = yield* RawPeer.serve({
        ...behaviour,
        onFrame: ({ kind, stream }, connection) => {
          if (kind === type.headers) {
            connection.write(RawPeer.headers(stream, RawPeer.good), RawPeer.data(stream, Caller.accepted))
            strike = () => fault(stream, connection)
          } else if (kind === type.data) Deferred.doneUnsafe(seen, Effect.void)
        }
      })
      const caller = yield* Caller.make(config)
      const flow = yield* Caller.soon(caller.open(peer.port))
      return { ...caller, flow, peer, seen: Deferred.await(seen), strike: Effect.sync(() => strike?.()) }
    })

  const resets =
    (why: number): Fault =>
    (stream, { write }) =>
      write(RawPeer.reset(stream, why))
  const says =
    (bytes: Uint8Array, endStream: boolean): Fault =>
    (stream, { write }) =>
      write(RawPeer.data(stream, bytes, endStream))
  const envelope = (flags: number, length: number, text = "") =>
    Buffer.concat([Buffer.from([flags, 0, 0, length >> 8, length & 255]), Buffer.from(text)])
  const json = (text: string) => envelope(2, text.length, text)

  const faults: ReadonlyArray<readonly [string, Fault, string, RawPeer.Behaviour?]> = [
    ["FIN", (_, { socket }) => socket.end(), "PeerLost"],
    ["FIN and RST", (_, { socket }) => socket.destroy(), "PeerLost"],
    ["RST", (_, { socket }) => socket.resetAndDestroy(), "PeerLost"],
    ["PING without an answer", () => undefined, "PeerLost", { isDeaf: true }],
    ["RST_STREAM CANCEL", resets(code.cancel), "FlowReset"],
    ["RST_STREAM INTERNAL_ERROR", resets(code.internal), "FlowReset"],
    ["RST_STREAM PROTOCOL_ERROR", resets(code.protocol), "FlowReset"],
    ["RST_STREAM ENHANCE_YOUR_CALM", resets(code.calm), "FlowReset"],
    ["RST_STREAM STREAM_CLOSED", resets(code.streamClosed), "FlowReset"],
    ["RST_STREAM REFUSED_STREAM, too late", resets(code.refused), "FlowReset"],
    ["RST_STREAM NO_ERROR", resets(code.none), "PeerLost"],
    [
      "END_STREAM and then RST_STREAM, as Node's server closes a stream",
      (stream, { write }) => write(RawPeer.data(stream, new Uint8Array(), true), RawPeer.reset(stream, code.cancel)),
      "PeerLost"
    ],
    ["END_STREAM without EndStreamResponse", says(new Uint8Array(), true), "PeerLost"],
    ["END_STREAM within a frame", says(Caller.message.subarray(0, 6), true), "PeerLost"],
    ["EndStreamResponse without End", says(Caller.goodEnd, true), "PeerLost"],
    ["EndStreamResponse with an error", says(json('{"error":{"code":"internal"}}'), true), "ProtocolViolation"],
    ["EndStreamResponse that is no JSON", says(json("{"), true), "ProtocolViolation"],
    ["EndStreamResponse with a code that is none", says(json('{"error":{"code":"x"}}'), true), "ProtocolViolation"],
    [
      "a message after EndStreamResponse",
      says(Buffer.concat([Caller.goodEnd, Caller.message]), true),
      "ProtocolViolation"
    ],
    ["two EndStreamResponses", says(Buffer.concat([Caller.goodEnd, Caller.goodEnd]), true), "ProtocolViolation"],
    ["EndStreamResponse above its limit", says(envelope(2, 9000), false), "ProtocolViolation"],
    ["unknown flags of an envelope", says(envelope(0x80, 0), false), "ProtocolViolation"],
    ["a compressed message", says(envelope(1, 0), false), "ProtocolViolation"],
    ["a frame above its limit", says(Uint8Array.of(0, 255, 255, 255, 255), false), "ProtocolViolation"],
    ["a frame that is no protobuf", says(envelope(0, 3, "abc"), false), "ProtocolViolation"],
    ["a frame that does not go on", says(Caller.message.subarray(0, 6), false), "ProtocolViolation"],
    ["the header of a frame that does not go on", says(Uint8Array.of(0, 0), false), "ProtocolViolation"],
    ["an End that miscounts", says(Caller.end(3), false), "ProtocolViolation"],
    ["GOAWAY ENHANCE_YOUR_CALM", (stream, { write }) => write(RawPeer.goaway(stream, code.calm)), "PeerLost"],
    ["GOAWAY INTERNAL_ERROR", (stream, { write }) => write(RawPeer.goaway(stream, code.internal)), "PeerLost"],
    ["garbage on the session", (_, { socket }) => socket.write(Buffer.alloc(64, 255)), "ProtocolViolation"],
    [
      "a window that overflows",
      (stream, { write }) => {
        const most = Buffer.from([0x7f, 255, 255, 255])
        write(RawPeer.frame(type.windowUpdate, 0, stream, most), RawPeer.frame(type.windowUpdate, 0, 0, most))
      },
      "ProtocolViolation"
    ]
  ]
  for (const [fault, strikeWith, reason, behaviour] of faults) {
    for (const delivered of ["no", "maybe"] as const) {
      it.live(`${fault}: ${reason}, delivered: ${delivered}`, () =>
        Effect.gen(function* () {
          const { flow, seen, strike } = yield* flowWith(strikeWith, behaviour)
          if (delivered === "maybe") {
            yield* flow.send(Uint8Array.of(1))
            yield* Caller.soon(seen)
          }
          yield* strike
          const error = yield* Caller.ending(flow)
          Caller.assertReason(error, reason)
          assert.strictEqual(Caller.deliveredOf(error), delivered)
          const sending = yield* Caller.soon(Effect.flip(Effect.forever(flow.send(Uint8Array.of(1)))))
          Caller.assertReason(sending, reason)
          assert.strictEqual(Caller.deliveredOf(sending), delivered)
        })
      )
    }
  }

  it.live("10,000 ORIGIN frames: it goes on to its good end", () =>
    Effect.gen(function* () {
      const origin = Buffer.from("\u0000\u0012https://example.com")
      const { flow, seen, strike } = yield* flowWith((stream, { write }) => {
        write(...Array.from({ length: 10_000 }, () => RawPeer.frame(12, 0, 0, origin)))
        write(RawPeer.data(stream, Buffer.concat([Caller.message, Caller.end(1), Caller.goodEnd]), true))
      })
      yield* flow.send(Uint8Array.of(1))
      yield* Caller.soon(seen)
      yield* strike
      assert.deepStrictEqual([...(yield* Caller.soon(flow.receive))], [7])
      Caller.assertReason(yield* Caller.ending(flow), "Done")
    })
  )

  it.live("GOAWAY that covers the flow: it goes on to its good end, and the next one gets another session", () =>
    Effect.gen(function* () {
      let finish: () => void = () => undefined
      const { flow, open, peer, strike } = yield* flowWith((stream, { write }) => {
        write(RawPeer.goaway(stream, code.none), RawPeer.data(stream, Caller.message))
        finish = () => write(RawPeer.data(stream, Buffer.concat([Caller.message, Caller.end(2), Caller.goodEnd]), true))
      })
      yield* strike
      assert.deepStrictEqual([...(yield* Caller.soon(flow.receive))], [7])
      yield* Caller.soon(open(peer.port))
      assert.strictEqual(peer.connections(), 2)
      yield* flow.send(Uint8Array.of(1))
      finish()
      Caller.assertReason(yield* Caller.ending(flow), "Done")
    })
  )
})
