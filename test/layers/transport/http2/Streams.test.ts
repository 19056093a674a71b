/**
 * Who hears of the streams of a session, on real sockets: the listeners are shared, and each stream hears what is its own.
 */
import * as http2 from "node:http2"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Session from "../../../../src/layers/transport/http2/Session.ts"
import { type StreamConsumer, StreamFate } from "../../../../src/layers/transport/http2/StreamFate.ts"

const soon = Effect.timeout("10 seconds")
const until = (holds: () => boolean) => soon(Effect.repeat(Effect.sleep("5 millis"), { until: holds }))

/** A session to a server that answers with the path and ends, resets its stream on "/reset", and is silent on "/silent". */
const world = Effect.gen(function* () {
  const server = yield* Effect.acquireRelease(
    Effect.sync(() => http2.createServer()),
    (open) => Effect.sync(() => open.close())
  )
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined)
    if (headers[":path"] === "/reset") stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)
    else {
      stream.respond({ ":status": 200 })
      if (headers[":path"] !== "/silent") stream.end(headers[":path"])
    }
  })
  const port = yield* Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
    })
  })
  const connected = yield* Effect.acquireRelease(
    Effect.callback<Session.Session<http2.ClientHttp2Session>>((resume) => {
      const socket = net.connect(port, "127.0.0.1")
      const session = http2.connect(`http://127.0.0.1:${port}`, { createConnection: () => socket })
      session.once("connect", () => resume(Effect.succeed(Session.adopt(session, socket))))
    }),
    (session) => Effect.sync(() => session.http2.destroy())
  )
  return connected
})

/** Opens a stream, and writes down what it hears; of data only if it is read. */
const open = (session: Session.Session<http2.ClientHttp2Session>, path: string, isRead = true) => {
  const heard: Array<string> = []
  const stream = session.http2.request({ ":path": path })
  const carrier = new StreamFate(session, stream)
  const consumer: StreamConsumer = {
    onData: (chunk) => heard.push(Buffer.from(chunk).toString()),
    onEnd: () => heard.push("end"),
    onClose: () => heard.push("close"),
    onExpired: () => heard.push("expired"),
    look: (nowMillis) => heard.push(`look ${nowMillis}`)
  }
  carrier.attach(consumer)
  if (isRead) carrier.listen()
  else stream.once("response", () => stream.read(0))
  return { carrier, heard, stream }
}

describe("the streams of a session", () => {
  it.live("each hear their own data, end and close, and are forgotten then", () =>
    Effect.gen(function* () {
      const session = yield* world
      const streams = Array.from({ length: 100 }, (_, i) => ({ path: `/${i}`, ...open(session, `/${i}`) }))
      yield* until(() => session.streams.size === 0 && streams.every(({ heard }) => heard.at(-1) === "close"))
      for (const { carrier, heard, path } of streams) {
        assert.deepStrictEqual(heard, [path, "end", "close"])
        assert.strictEqual(carrier.fate(), "open")
        assert.isUndefined(carrier.cause())
        yield* soon(carrier.closed)
      }
    })
  )

  it.live("are told apart when one is reset", () =>
    Effect.gen(function* () {
      const session = yield* world
      const silent = open(session, "/silent")
      const reset = open(session, "/reset")
      const broken = yield* soon(Effect.flip(reset.carrier.broken))
      assert.strictEqual(broken.how, "reset")
      yield* until(() => reset.heard.at(-1) === "close")
      assert.deepStrictEqual([...session.streams.values()], [silent.carrier])
      assert.strictEqual(silent.carrier.fate(), "open")
    })
  )

  it.live("are looked at while they are open, and all break with their session", () =>
    Effect.gen(function* () {
      const session = yield* world
      const streams = [open(session, "/silent"), open(session, "/silent")]
      for (const heard of session.streams.values()) heard.look(7, true)
      session.http2.destroy()
      for (const { carrier, heard } of streams) {
        assert.strictEqual((yield* soon(Effect.flip(carrier.broken))).how, "lost")
        assert.strictEqual(heard[0], "look 7")
        yield* until(() => heard.at(-1) === "close")
      }
      assert.strictEqual(session.streams.size, 0)
    })
  )

  it.live("hear at once that the time of their call is over, and break with that", () =>
    Effect.gen(function* () {
      const session = yield* world
      const { carrier, heard } = open(session, "/silent")
      carrier.expire()
      assert.deepStrictEqual(heard, ["expired"])
      assert.strictEqual((yield* soon(Effect.flip(carrier.broken))).how, "deadline")
    })
  )

  it.live("are closed with their session and its connection when it is abandoned", () =>
    Effect.gen(function* () {
      const session = yield* world
      const { carrier, heard } = open(session, "/silent")
      const closed: Array<string> = []
      session.http2.on("close", () => closed.push("session"))
      session.socket.socket.on("close", () => closed.push("connection"))
      session.abandon()
      assert.isTrue(session.isLost())
      assert.strictEqual((yield* soon(Effect.flip(carrier.broken))).how, "lost")
      yield* until(() => closed.length === 2 && heard.at(-1) === "close")
      yield* soon(session.leave)
    })
  )

  it.live("count as begun from their first frame on, once, until they are closed", () =>
    Effect.gen(function* () {
      const session = yield* world
      const { counts } = session
      const [one, other] = [open(session, "/silent"), open(session, "/silent")]
      for (const { carrier } of [one, one, other]) carrier.begin()
      assert.deepStrictEqual([counts.begun, counts.everBegun], [2, 2])
      session.http2.destroy()
      yield* until(() => session.streams.size === 0)
      one.carrier.begin()
      assert.deepStrictEqual([counts.begun, counts.everBegun], [0, 2])
    })
  )

  it.live("break the rules of HTTP/2 only once their peer has shown that it speaks it", () =>
    Effect.gen(function* () {
      const session = yield* world
      const { carrier } = open(session, "/silent")
      const error = Object.assign(new Error("a bad frame"), { code: "ERR_HTTP2_ERROR" })
      carrier.onError(error)
      assert.strictEqual(carrier.fate(), "open")
      carrier.answered()
      carrier.onError(error)
      assert.strictEqual(carrier.fate(), "violation")
    })
  )

  it.live("have bytes that nobody has counted only where these are counted when they are read", () =>
    Effect.gen(function* () {
      const session = yield* world
      const { carrier, stream } = open(session, "/bytes", false)
      yield* until(() => stream.readableLength > 0)
      assert.strictEqual(carrier.unreadBytes(), stream.readableLength)
      carrier.attach({})
      assert.strictEqual(carrier.unreadBytes(), 0)
    })
  )
})
