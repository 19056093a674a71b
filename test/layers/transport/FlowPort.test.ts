/**
 * What a flow port gets from strangers, and what a caller gets from ports that serve no flows: a typed error or a closed
 * connection, while the flows of others go on.
 */
import * as http2 from "node:http2"
import * as net from "node:net"
import { create, type MessageInitShape } from "@bufbuild/protobuf"
import { Code, ConnectError, createClient } from "@connectrpc/connect"
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Queue, type Scope, Stream } from "effect"
import * as Timeouts from "../../../src/layers/core/Timeouts.ts"
import * as Answering from "../../../src/layers/flow/Answering.ts"
import * as Opening from "../../../src/layers/flow/Opening.ts"
import * as Serving from "../../../src/layers/flow/Serving.ts"
import * as TransportConnect from "../../../src/layers/transport/TransportConnect.ts"
import { FailReason, FlowService, FrameSchema, RejectReason } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Codec from "../../../src/services/Codec.ts"
import * as Contract from "../../../src/services/Contract.ts"
import { Transport } from "../../../src/services/Transport.ts"
import { started } from "../../laws/Started.ts"

const echo = Contract.make("echo", { input: Codec.bytes, output: Codec.bytes })
const config: Serving.Config = { ...Serving.defaults, openTimeout: "300 millis", handlerGrace: "50 millis" }
const { frameBytesMax, messageBytesMax } = config.limits
const hostAt = (flowPort: number) => ({
  id: "server",
  generation: 1,
  address: "127.0.0.1",
  flowPort,
  locality: "",
  tags: {}
})

/** A host that echoes, and a flow to it that must not notice anything. */
const world = Effect.gen(function* () {
  const transport = yield* Effect.map(
    Layer.build(TransportConnect.layer({ port: 0, firstStreamTimeout: "300 millis", connectTimeout: "2 seconds" })),
    Context.get(Transport)
  )
  const endpoint = Serving.expose(echo, (flow) => Stream.runForEach(flow.batches, (batch) => flow.sendAll(batch)), {
    context: Context.empty(),
    config
  })
  const hold = Serving.expose({ ...echo, name: "hold" }, () => Effect.never, {
    context: Context.empty(),
    config
  })
  const ended = yield* Queue.unbounded<string>()
  const listen = Serving.expose(
    { ...echo, name: "listen" },
    (flow) => Stream.runDrain(flow.messages).pipe(Effect.tapError((error) => Queue.offer(ended, error.reason._tag))),
    { context: Context.empty(), config }
  )
  const exposed = new Map([
    ["listen", listen],
    ["echo", endpoint],
    ["hold", hold]
  ])
  const opening = yield* Timeouts.make(config.openTimeout)
  yield* transport.serve((link) =>
    Answering.answer(link, { self: "server", find: (name) => exposed.get(name), opening })
  )
  const open = (port: number) =>
    Effect.flatMap(transport.dial(hostAt(port)), (link) =>
      Opening.open(link, echo, { caller: "client", host: hostAt(port), limits: config.limits })
    ).pipe(Effect.map(started))
  const witness = yield* open(transport.flowPort)
  const untouched = Effect.gen(function* () {
    yield* witness.send(Uint8Array.of(42))
    assert.deepStrictEqual([...(yield* Effect.timeout(witness.receive, "10 seconds"))], [42])
  })
  yield* untouched
  return { ended, port: transport.flowPort, open, untouched }
})

const closed = (socket: net.Socket) =>
  Effect.callback<void>((resume) => {
    socket.on("error", () => undefined)
    if (socket.destroyed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void)).resume()
  }).pipe(Effect.timeout("10 seconds"))

const connect = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => net.connect(port, "127.0.0.1")),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** A server of something else, on a port of its own. */
const impostor = (onSocket: (socket: net.Socket) => void) =>
  Effect.acquireRelease(
    Effect.callback<net.Server>((resume) => {
      const server = net.createServer((socket) => {
        socket.on("error", () => undefined)
        onSocket(socket)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ).pipe(
    Effect.map((server) => {
      const address = server.address()
      return address !== null && typeof address === "object" ? address.port : 0
    })
  )

type FrameInit = MessageInitShape<typeof FrameSchema>

const openFrame: FrameInit = { kind: { case: "open", value: { endpoint: "echo", wireVersion: 1 } } }
const dataFrame: FrameInit = { kind: { case: "data", value: { messages: [Uint8Array.of(1)] } } }

/** Says these frames to the host with a plain client, and gives what comes back until the stream ends. */
const say = (port: number, frames: ReadonlyArray<FrameInit>, protocol: "connect" | "grpc" = "connect") =>
  Effect.promise(async () => {
    const options = { baseUrl: `http://127.0.0.1:${port}`, httpVersion: "2" as const }
    const client = createClient(
      FlowService,
      protocol === "connect" ? createConnectTransport(options) : createGrpcTransport(options)
    )
    const sent = async function* () {
      for (const frame of frames) yield create(FrameSchema, frame)
    }
    const answers = []
    for await (const answer of client.open(sent(), { timeoutMs: 10_000 })) answers.push(answer.kind)
    return answers
  })

describe("a flow port and strangers", () => {
  it.live("garbage, HTTP/1.1 and silence end with a closed connection", () =>
    Effect.gen(function* () {
      const { port, untouched } = yield* world
      const garbage = yield* connect(port)
      garbage.write(Buffer.from("\u0000\u0001garbage that is no HTTP/2 preface at all".repeat(50)))
      yield* closed(garbage)
      const http1 = yield* connect(port)
      http1.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      yield* closed(http1)
      yield* closed(yield* connect(port))
      const preface = yield* connect(port)
      preface.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
      preface.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))
      yield* closed(preface)
      yield* untouched
    })
  )

  it.live("an HTTP/2 client that asks for something else gets 404 or 415", () =>
    Effect.gen(function* () {
      const { port, untouched } = yield* world
      const session = yield* Effect.acquireRelease(
        Effect.sync(() => http2.connect(`http://127.0.0.1:${port}`)),
        (open) => Effect.sync(() => open.destroy())
      )
      const status = (path: string, type: string) =>
        Effect.callback<unknown>((resume) => {
          const request = session.request({ ":method": "POST", ":path": path, "content-type": type })
          request.on("response", (headers) => resume(Effect.succeed(headers[":status"])))
          request.on("error", (cause) => resume(Effect.succeed(cause)))
          request.end("x")
        }).pipe(Effect.timeout("10 seconds"))
      assert.strictEqual(yield* status("/nothing", "application/connect+proto"), 404)
      assert.strictEqual(yield* status("/grinta.v1.FlowService/Open", "text/plain"), 415)
      yield* untouched
    })
  )

  for (const protocol of ["connect", "grpc"] as const) {
    it.live(`a plain ${protocol} client opens a flow and talks both ways`, () =>
      Effect.gen(function* () {
        const { port } = yield* world
        const answers = yield* say(
          port,
          [openFrame, dataFrame, dataFrame, { kind: { case: "end", value: { count: 2n } } }],
          protocol
        )
        const messages = answers.flatMap((kind) => (kind.case === "data" ? kind.value.messages : []))
        assert.strictEqual(answers[0]?.case, "accepted")
        assert.deepStrictEqual(
          messages.map((message) => [...message]),
          [[1], [1]]
        )
        const last = answers.at(-1)
        assert.isTrue(last?.case === "end" && last.value.count === 2n)
      })
    )
  }

  for (const protocol of ["connect", "grpc"] as const) {
    it.live(`the timeout of a ${protocol} call is the deadline of its flow`, () =>
      Effect.gen(function* () {
        const { ended, port, untouched } = yield* world
        const options = { baseUrl: `http://127.0.0.1:${port}`, httpVersion: "2" as const }
        const transport = protocol === "connect" ? createConnectTransport(options) : createGrpcTransport(options)
        const release = Promise.withResolvers<void>()
        const sent = async function* () {
          yield create(FrameSchema, { kind: { case: "open", value: { endpoint: "listen", wireVersion: 1 } } })
          await release.promise
        }
        const code = yield* Effect.promise(async () => {
          try {
            for await (const _ of createClient(FlowService, transport).open(sent(), { timeoutMs: 300 }));
            return "the end"
          } catch (cause) {
            return ConnectError.from(cause).code
          } finally {
            release.resolve()
          }
        })
        assert.strictEqual(code, Code.DeadlineExceeded)
        // The caller's own timer may close the stream before the deadline of this side is over.
        yield* Effect.timeout(Queue.take(ended), "10 seconds")
        yield* untouched
      })
    )
  }

  const violations: ReadonlyArray<readonly [string, ReadonlyArray<FrameInit>]> = [
    ["Data before Open", [dataFrame]],
    ["two Opens", [openFrame, openFrame]],
    ["a frame of no kind", [openFrame, {}]],
    ["an End that miscounts", [openFrame, dataFrame, { kind: { case: "end", value: { count: 5n } } }]],
    [
      "Data after End",
      [
        { kind: { case: "open", value: { endpoint: "hold", wireVersion: 1 } } },
        { kind: { case: "end", value: { count: 0n } } },
        dataFrame
      ]
    ],
    ["a partial frame without a message", [openFrame, { kind: { case: "data", value: { partial: true } } }]]
  ]
  for (const [what, frames] of violations) {
    it.live(`${what} is a protocol violation, on that flow only`, () =>
      Effect.gen(function* () {
        const { port, untouched } = yield* world
        const last = (yield* say(port, frames)).at(-1)
        assert.isTrue(last?.case === "fail" && last.value.reason === FailReason.PROTOCOL_VIOLATION, last?.case)
        yield* untouched
      })
    )
  }

  /** A message of so many bytes, cut into frames. */
  const cut = (bytes: number): ReadonlyArray<FrameInit> =>
    Array.from({ length: Math.max(1, Math.ceil(bytes / frameBytesMax)) }, (_, i) => {
      const left = bytes - i * frameBytesMax
      const messages = [new Uint8Array(Math.min(left, frameBytesMax))]
      return { kind: { case: "data", value: { messages, partial: left > frameBytesMax } } }
    })

  for (const protocol of ["connect", "grpc"] as const) {
    it.live(`a message above the limit fails that flow only, over ${protocol}`, () =>
      Effect.gen(function* () {
        const { port, untouched } = yield* world
        const last = (yield* say(port, [openFrame, ...cut(messageBytesMax + 1)], protocol)).at(-1)
        assert.isTrue(last?.case === "fail" && last.value.reason === FailReason.MESSAGE_TOO_LARGE, last?.case)
        yield* untouched
      })
    )

    for (const bytes of [0, 1, frameBytesMax, frameBytesMax + 1, messageBytesMax])
      it.live(`a message of ${bytes} bytes comes back as it was, over ${protocol}`, () =>
        Effect.gen(function* () {
          const { port } = yield* world
          const end: FrameInit = { kind: { case: "end", value: { count: 1n } } }
          const answers = yield* say(port, [openFrame, ...cut(bytes), end], protocol)
          const pieces = answers.flatMap((kind) => (kind.case === "data" ? [kind.value] : []))
          assert.strictEqual(
            pieces.reduce((sum, { messages }) => sum + (messages[0]?.byteLength ?? 0), 0),
            bytes
          )
          assert.isTrue(
            pieces.every(({ messages, partial }, i) => messages.length === 1 && partial === i + 1 < pieces.length)
          )
          const last = answers.at(-1)
          assert.isTrue(last?.case === "end" && last.value.count === 1n, last?.case)
        })
      )
  }

  it.live("a frame above the limit of the wire ends that stream only", () =>
    Effect.gen(function* () {
      const { port, untouched } = yield* world
      const frame: FrameInit = { kind: { case: "data", value: { messages: [new Uint8Array(1_000_000)] } } }
      const answers = yield* Effect.exit(say(port, [openFrame, frame]))
      const failed = answers._tag === "Failure" || answers.value.at(-1)?.case === "fail"
      assert.isTrue(failed)
      yield* untouched
    })
  )

  it.live("refusals say why", () =>
    Effect.gen(function* () {
      const { port } = yield* world
      const reasonFor = (value: { endpoint: string; wireVersion: number; host?: string }) =>
        Effect.map(say(port, [{ kind: { case: "open", value } }]), ([first]) =>
          first?.case === "rejected" ? first.value.reason : first?.case
        )
      assert.strictEqual(yield* reasonFor({ endpoint: "nobody", wireVersion: 1 }), RejectReason.ENDPOINT_NOT_FOUND)
      assert.strictEqual(yield* reasonFor({ endpoint: "echo", wireVersion: 9 }), RejectReason.INCOMPATIBLE)
      const names = [
        "",
        "a".repeat(129),
        "..",
        ".",
        ".a",
        "a.",
        "a..b",
        "a\u0000",
        "a b",
        "caf\u00e9",
        "\u{1f600}",
        "a/b",
        "a_b"
      ]
      for (const endpoint of names)
        assert.strictEqual(yield* reasonFor({ endpoint, wireVersion: 1 }), RejectReason.NAME_INVALID, endpoint)
      for (const endpoint of ["a".repeat(128), "a-b.c", "0"])
        assert.strictEqual(yield* reasonFor({ endpoint, wireVersion: 1 }), RejectReason.ENDPOINT_NOT_FOUND, endpoint)
      assert.strictEqual(
        yield* reasonFor({ endpoint: "echo", wireVersion: 1, host: "someone-else" }),
        RejectReason.WRONG_HOST
      )
    })
  )
})

describe("a caller that gives up", () => {
  it.live("at any moment of an open leaves nothing unheard, which would end the process", () =>
    Effect.gen(function* () {
      const unheard: Array<unknown> = []
      const hear = (cause: unknown) => unheard.push(cause)
      yield* Effect.acquireRelease(
        Effect.sync(() => process.on("unhandledRejection", hear)),
        () => Effect.sync(() => process.off("unhandledRejection", hear))
      )
      const { open, port, untouched } = yield* world
      for (let turn = 0; turn < 60; turn++) {
        const opening = yield* Effect.forkChild(Effect.scoped(Effect.andThen(open(port), Effect.never)), {
          startImmediately: true
        })
        for (let i = 0; i < turn % 12; i++) yield* Effect.yieldNow
        if (turn % 3 === 0) yield* Effect.sleep(turn / 10)
        yield* Fiber.interrupt(opening)
      }
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual(unheard, [])
      yield* untouched
    })
  )
})

describe("a caller and ports that serve no flows", () => {
  const reasonAt = (port: number) =>
    Effect.gen(function* () {
      const { open } = yield* world
      const error = yield* Effect.flip(Effect.scoped(open(port))).pipe(Effect.timeout("15 seconds"))
      return error._tag === "NetworkError" ? error.reason._tag : error._tag
    })

  const cases: ReadonlyArray<readonly [string, Effect.Effect<number, never, Scope.Scope>, string]> = [
    ["nobody listens", Effect.succeed(1), "HostUnreachable"],
    ["the connection is closed at once", impostor((socket) => socket.destroy()), "HostUnreachable"],
    ["the connection is reset", impostor((socket) => socket.resetAndDestroy()), "HostUnreachable"],
    ["HTTP/1.1 answers", impostor((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")), "HostUnreachable"],
    ["garbage answers", impostor((socket) => socket.end(Buffer.alloc(4096, 7))), "HostUnreachable"]
  ]
  for (const [what, port, reason] of cases) {
    it.live(`${what}: ${reason}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* reasonAt(yield* port), reason)
      })
    )
  }

  it.live("an HTTP/2 server of something else: Incompatible", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.callback<http2.Http2Server>((resume) => {
          const made = http2.createServer((_request, response) => {
            response.writeHead(404)
            response.end()
          })
          made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
        }),
        (made) => Effect.sync(() => made.close())
      )
      const address = server.address()
      const port = address !== null && typeof address === "object" ? address.port : 0
      assert.strictEqual(yield* reasonAt(port), "Incompatible")
    })
  )
})
