/**
 * The direct path on the wire: what it writes, byte by byte, and what it makes of peers that write something else. The laws
 * and the port tests run over it too; here its peers are plain HTTP/2 and connect-node.
 */
import * as http2 from "node:http2"
import { connectNodeAdapter } from "@connectrpc/connect-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Layer } from "effect"
import * as TransportConnect from "../../../src/layers/transport/TransportConnect.ts"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import { FlowService } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import { Transport } from "../../../src/services/Transport.ts"
import { pull } from "../../laws/Pulled.ts"
import { said } from "../../protocol/flow/Parse.ts"

const make = Effect.map(Layer.build(TransportConnect.layer({ port: 0 })), Context.get(Transport))

const hostAt = (flowPort: number) => ({
  id: "server",
  generation: 1,
  address: "127.0.0.1",
  flowPort,
  locality: "",
  tags: {}
})

const listen = (server: http2.Http2Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
      })
    }),
    () => Effect.sync(() => server.close())
  )

type OnStream = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void

const plainServer = (onStream: OnStream) =>
  Effect.suspend(() => {
    const server = http2.createServer()
    server.on("stream", (stream, headers) => {
      stream.on("error", () => undefined)
      onStream(stream, headers)
    })
    return listen(server)
  })

const data: Frame.Frame = { _tag: "Data", messages: [Uint8Array.of(1, 2)], partial: false }
const good = { ":status": 200, "content-type": "application/connect+proto" }
const soon = Effect.timeout("10 seconds")

describe("a direct caller", () => {
  it.live("writes the bytes of the Connect protocol", () =>
    Effect.gen(function* () {
      const heard: Array<Uint8Array> = []
      let said: http2.IncomingHttpHeaders = {}
      const port = yield* plainServer((stream, headers) => {
        said = headers
        stream.respond(good)
        stream.on("data", (chunk: Uint8Array) => heard.push(chunk)).on("end", () => stream.end(Envelope.goodEnd))
      })
      const link = pull(yield* (yield* make).dial(hostAt(port)))
      yield* link.write(Frame.accepted)
      yield* link.write(data)
      yield* link.finish
      assert.isTrue(Cause.isDone(yield* soon(Effect.flip(link.read))))
      assert.strictEqual(Buffer.concat(heard).toString("hex"), "00000000021200" + "000000000622040a020102")
      assert.strictEqual(said[":method"], "POST")
      assert.strictEqual(said[":path"], "/grinta.v1.FlowService/Open")
      assert.strictEqual(said["content-type"], "application/connect+proto")
      assert.strictEqual(said["connect-protocol-version"], "1")
    })
  )

  it.live("talks with a connect-node server of the same service, both ways, to a good end", () =>
    Effect.gen(function* () {
      const adapter = connectNodeAdapter({
        routes: (router) =>
          router.service(FlowService, {
            open: async function* (frames) {
              yield* frames
            }
          })
      })
      const port = yield* listen(http2.createServer(adapter))
      const link = pull(yield* (yield* make).dial(hostAt(port)))
      for (let i = 0; i < 50; i++) {
        yield* link.write(data)
        assert.deepStrictEqual(said([yield* soon(link.read)]), ["0102"])
      }
      yield* link.finish
      assert.isTrue(Cause.isDone(yield* soon(Effect.flip(link.read))))
    })
  )

  it.live("that is cancelled says so in a last frame, and then resets the stream", () =>
    Effect.gen(function* () {
      const heard: Array<Uint8Array> = []
      const last = Frame.fail("Reset", "left")
      const closed = Deferred.makeUnsafe<number | undefined>()
      const port = yield* plainServer((stream) => {
        stream.respond(good)
        stream.on("data", (chunk: Uint8Array) => heard.push(chunk))
        stream.on("close", () => Deferred.doneUnsafe(closed, Effect.succeed(stream.rstCode)))
      })
      const transport = yield* make
      yield* Effect.scoped(
        Effect.flatMap(transport.dial(hostAt(port)), (link) => {
          const { cancel, write } = pull(link)
          return Effect.andThen(write(data), cancel(last))
        })
      )
      const code = yield* soon(Deferred.await(closed))
      assert.strictEqual(code, http2.constants.NGHTTP2_CANCEL)
      assert.strictEqual(
        Buffer.concat(heard).toString("hex"),
        Buffer.concat([FrameBytes.encode(data), FrameBytes.encode(last)]).toString("hex")
      )
    })
  )

  const end = (json: string) => {
    const bytes = Envelope.wrap(new TextEncoder().encode(json))
    bytes[0] = 2
    return bytes
  }
  const answers: ReadonlyArray<readonly [string, string, OnStream]> = [
    ["HTTP status 503", "violation", (stream) => stream.respond({ ":status": 503 }, { endStream: true })],
    [
      "another content-type",
      "violation",
      (stream) => {
        stream.respond({ ":status": 200, "content-type": "text/html" })
        stream.end("<html>")
      }
    ],
    ...[
      ["unknown flags", "violation", Uint8Array.of(0x80, 0, 0, 0, 0)] as const,
      ["a compressed message", "violation", Uint8Array.of(1, 0, 0, 0, 0)] as const,
      ["a frame of 4 GiB", "violation", Uint8Array.of(0, 255, 255, 255, 255)] as const,
      ["a frame that is no protobuf", "violation", Envelope.wrap(Uint8Array.of(7, 7, 7))] as const,
      ["an end that is no JSON", "violation", end("no")] as const,
      ["an end with an error", "violation", end(`{"error":{"code":"internal"}}`)] as const,
      ["an end, and more", "violation", Buffer.concat([Envelope.goodEnd, FrameBytes.encode(data)])] as const,
      ["half a frame", "lost", FrameBytes.encode(data).subarray(0, 7)] as const,
      ["no end", "lost", new Uint8Array(0)] as const,
      ["a good end with metadata", "Done", end(`{"metadata":{"a":["b"]}}`)] as const
    ].map(([what, how, bytes]): readonly [string, string, OnStream] => [
      what,
      how,
      (stream) => {
        stream.respond(good)
        stream.end(Buffer.concat([FrameBytes.encode(data), bytes]))
      }
    ]),
    [
      "a reset as Node's server does it, behind an end of the stream",
      "lost",
      (stream) => {
        stream.respond(good)
        stream.write(FrameBytes.encode(data), () => stream.close(http2.constants.NGHTTP2_CANCEL))
      }
    ],
    ["the death of the connection", "lost", (stream) => stream.session?.destroy()]
  ]
  for (const [what, how, onStream] of answers) {
    it.live(`takes ${what} for: ${how}`, () =>
      Effect.gen(function* () {
        const link = pull(yield* (yield* make).dial(hostAt(yield* plainServer(onStream))))
        yield* Effect.ignore(link.write(data))
        const ended = yield* soon(Effect.flip(Effect.forever(link.read)))
        assert.strictEqual(ended._tag === "LinkBroken" ? ended.how : ended._tag, how)
      })
    )
  }

  it.live("that does not read stops its peer within the window of the stream", () =>
    Effect.gen(function* () {
      let takenBytes = 0
      const port = yield* plainServer((stream) => {
        stream.respond(good)
        const frame = FrameBytes.encode({ ...data, messages: [new Uint8Array(8 * 1024)] })
        const more = (cause?: Error | null) => {
          if (cause) return
          takenBytes += frame.byteLength
          stream.write(frame, more)
        }
        more()
      })
      const link = pull(yield* (yield* make).dial(hostAt(port)))
      yield* link.write(data)
      yield* soon(link.read)
      yield* Effect.sleep("300 millis")
      const stalledAt = takenBytes
      yield* Effect.sleep("300 millis")
      assert.strictEqual(takenBytes, stalledAt)
      assert.isAtMost(takenBytes, 256 * 1024)
      for (let i = 0; i < 100; i++) yield* soon(link.read)
      assert.isAbove(takenBytes, stalledAt)
    })
  )
})

describe("a direct endpoint", () => {
  const call = (bytes: Uint8Array) =>
    Effect.gen(function* () {
      const transport = yield* make
      const heard: Array<string> = []
      yield* transport.serve((link) => {
        const { read, write } = pull(link)
        return read.pipe(
          Effect.tap(write),
          Effect.forever,
          Effect.catch((ended) => Effect.sync(() => heard.push(ended._tag === "LinkBroken" ? ended.how : ended._tag)))
        )
      })
      const session = yield* Effect.acquireRelease(
        Effect.sync(() => http2.connect(`http://127.0.0.1:${transport.flowPort}`)),
        (open) => Effect.sync(() => open.destroy())
      )
      const answer = yield* Effect.callback<string>((resume) => {
        const stream = session.request({
          ":method": "POST",
          ":path": "/grinta.v1.FlowService/Open",
          "content-type": "application/connect+proto",
          "connect-protocol-version": "1"
        })
        const chunks: Array<Uint8Array> = []
        stream.on("error", () => undefined).on("data", (chunk) => chunks.push(chunk))
        stream.on("close", () => resume(Effect.succeed(Buffer.concat(chunks).toString("hex"))))
        stream.end(bytes)
      }).pipe(soon)
      return { answer, heard }
    })

  const frame = FrameBytes.encode(data)
  const echoed = "000000000622040a020102" + "02000000027b7d"
  const requests: ReadonlyArray<readonly [string, string, Uint8Array]> = [
    ["a good end", "Done", new Uint8Array(0)],
    ["half a frame", "lost", frame.subarray(0, 7)],
    ["half a header", "lost", frame.subarray(0, 3)],
    ["an end, which only answers have", "violation", Envelope.goodEnd],
    ["a compressed message", "violation", Uint8Array.of(1, 0, 0, 0, 0)],
    ["unknown flags", "violation", Uint8Array.of(4, 0, 0, 0, 0)],
    ["a frame of 4 GiB", "violation", Uint8Array.of(0, 255, 255, 255, 255)],
    ["a frame that is no protobuf", "violation", Envelope.wrap(Uint8Array.of(0x22, 0x7f))]
  ]
  for (const [what, how, bytes] of requests) {
    it.live(`answers what came before ${what}, and takes that for: ${how}`, () =>
      Effect.gen(function* () {
        const { answer, heard } = yield* call(Buffer.concat([frame, bytes]))
        assert.deepStrictEqual(heard, [how])
        assert.strictEqual(answer, echoed)
      })
    )
  }

  it.live("that has given its last frame breaks no caller that still writes", () =>
    Effect.gen(function* () {
      const transport = yield* make
      yield* transport.serve((link) => {
        const { finish, write } = pull(link)
        return Effect.ignore(Effect.andThen(write(data), finish))
      })
      const link = pull(yield* transport.dial(hostAt(transport.flowPort)))
      assert.deepStrictEqual(said([yield* soon(link.read)]), ["0102"])
      assert.isTrue(Cause.isDone(yield* soon(Effect.flip(link.read))))
      const exit = yield* soon(Effect.exit(Effect.forever(link.write(data))))
      assert.isTrue(Exit.isFailure(exit))
    })
  )
})
