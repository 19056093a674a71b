/**
 * What the headers of a request ask for, and get: which path serves it, how a deadline is kept, what is refused. The same
 * is asked on both paths, by clients that do nothing on their own.
 *
 * Source: faults.md, rows H12 to H14.
 */
import * as http2 from "node:http2"
import * as zlib from "node:zlib"
import { fromBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Option, Result, Stream } from "effect"
import * as Timeouts from "../../../src/layers/core/Timeouts.ts"
import * as Answering from "../../../src/layers/flow/Answering.ts"
import * as Serving from "../../../src/layers/flow/Serving.ts"
import * as Request from "../../../src/layers/transport/http2/foreign/Request.ts"
import * as TransportConnect from "../../../src/layers/transport/TransportConnect.ts"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import { FrameSchema } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Codec from "../../../src/services/Codec.ts"
import * as Contract from "../../../src/services/Contract.ts"
import { Transport } from "../../../src/services/Transport.ts"

const soon = Effect.timeout("10 seconds")
const silent = Contract.make("silent", { input: Codec.bytes, output: Codec.bytes })
const echo = Contract.make("echo", { input: Codec.bytes, output: Codec.bytes })
const config: Serving.Config = { ...Serving.defaults, handlerGrace: "50 millis" }
const openFrame: Frame.Open = {
  _tag: "Open",
  endpoint: "silent",
  wireVersion: 1,
  contract: 0n,
  codec: "",
  caller: "",
  host: ""
}

/** A host with an endpoint that says nothing, and one that gives back. `failed` waits for what a silent flow fails with. */
const world = Effect.gen(function* () {
  const transport = yield* Effect.map(Layer.build(TransportConnect.layer({ port: 0 })), Context.get(Transport))
  const failed = yield* Deferred.make<string>()
  const exposed = Serving.expose(
    silent,
    (flow) =>
      Stream.runDrain(flow.messages).pipe(
        Effect.tapError(({ delivered, reason }) => Deferred.succeed(failed, `${reason._tag}, delivered: ${delivered}`))
      ),
    { context: Context.empty(), config }
  )
  const echoing = Serving.expose(echo, (flow) => Stream.runForEach(flow.batches, flow.sendAll), {
    context: Context.empty(),
    config
  })
  const exposures = new Map([
    [silent.name, exposed],
    [echo.name, echoing]
  ])
  const opening = yield* Timeouts.make(config.openTimeout)
  yield* transport.serve((link) =>
    Answering.answer(link, { self: "server", find: (name) => exposures.get(name), opening })
  )
  const session = yield* Effect.acquireRelease(
    Effect.sync(() => http2.connect(`http://127.0.0.1:${transport.flowPort}`)),
    (open) => Effect.sync(() => open.destroy())
  )
  return { session, failed: soon(Deferred.await(failed)) }
})

/** What Node warns of until the scope ends. */
const warned = Effect.gen(function* () {
  const warnings: Array<string> = []
  const add = (warning: Error) => warnings.push(warning.message)
  yield* Effect.acquireRelease(
    Effect.sync(() => process.on("warning", add)),
    () => Effect.sync(() => process.off("warning", add))
  )
  return warnings
})

interface Answer {
  readonly status: number | undefined
  readonly headers: http2.IncomingHttpHeaders
  /** The headers were the end of the answer. */
  readonly isBare: boolean
  readonly body: string
  readonly trailers: http2.IncomingHttpHeaders
}

const call: http2.OutgoingHttpHeaders = {
  ":method": "POST",
  ":path": "/grinta.v1.FlowService/Open",
  "content-type": "application/connect+proto",
  "connect-protocol-version": "1"
}

interface Said {
  /** What is said after the headers; Open unless said otherwise. */
  readonly said?: ReadonlyArray<Uint8Array>
  /** Whether the caller then finishes its side. */
  readonly isFinished?: boolean
}

/** Asks with these headers, says something, and reads the answer until it ends. */
const ask = (
  session: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  { isFinished = false, said = [FrameBytes.encode(openFrame)] }: Said = {}
) =>
  Effect.callback<Answer>((resume) => {
    const stream = session.request({ ...call, ...headers }, { endStream: false })
    const chunks: Array<Uint8Array> = []
    let answered: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {}
    let isBare = false
    let trailers: http2.IncomingHttpHeaders = {}
    stream.on("error", () => undefined)
    stream.on("response", (response, flags) => {
      answered = response
      isBare = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0
    })
    stream.on("trailers", (said) => (trailers = said))
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk))
    stream.on("end", () => {
      const body = Buffer.concat(chunks).toString("latin1")
      resume(Effect.succeed({ status: answered[":status"], headers: answered, isBare, trailers, body }))
    })
    for (const bytes of said) stream.write(bytes)
    if (isFinished) stream.end()
    return Effect.sync(() => stream.close())
  }).pipe(soon)

/** The frames of an answer, whatever protocol it is in. */
const framesOf = ({ body }: Answer): ReadonlyArray<Frame.Frame> => {
  const frames: Array<Frame.Frame> = []
  const bytes = Buffer.from(body, "latin1")
  for (let at = 0; at < bytes.length && bytes[at] === 0; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1)
    frames.push(Result.getOrThrow(Frame.fromProto(fromBinary(FrameSchema, bytes.subarray(at + 5, end)))))
    at = end
  }
  return frames
}

/** The reason of the Fail that an answer ended with, if it did. */
const failOf = (answer: Answer): string | undefined => {
  const last = framesOf(answer).at(-1)
  return last?._tag === "Fail" ? last.reason : undefined
}

const gzipped = (message: Uint8Array): Uint8Array => {
  const bytes = zlib.gzipSync(message)
  const header = Buffer.alloc(5)
  header[0] = 1
  header.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([header, bytes])
}

const messageOf = (frame: Frame.Frame): Uint8Array => FrameBytes.encode(frame).subarray(5)

/** As `ask`, for a call that goes on until its scope ends, which resets it: what came first. */
const askAndStay = (session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders) =>
  Effect.acquireRelease(
    Effect.sync(() => session.request({ ...call, ...headers }, { endStream: false })),
    (stream) => Effect.sync(() => stream.close(http2.constants.NGHTTP2_CANCEL))
  ).pipe(
    Effect.flatMap((stream) =>
      Effect.callback<string>((resume) => {
        stream.on("error", () => undefined)
        stream.once("data", (chunk: Uint8Array) => resume(Effect.succeed(Buffer.from(chunk).toString("hex"))))
        stream.write(FrameBytes.encode(openFrame))
      }).pipe(Effect.map((first) => ({ first, stream })))
    ),
    soon
  )

const accepted = Buffer.from(FrameBytes.encode(Frame.accepted)).toString("hex")

/** Statuses of gRPC, as Connect spells them. */
const codes: Readonly<Record<string, string>> = {
  "3": "invalid_argument",
  "4": "deadline_exceeded",
  "8": "resource_exhausted",
  "12": "unimplemented",
  "13": "internal"
}

/** Each way in which a request is served: its headers, those of a deadline, and how its answers spell an error. */
const paths = [
  {
    name: "the direct path",
    headers: {},
    deadline: "connect-timeout-ms",
    unit: "",
    isDirect: true,
    codeOf: ({ body }: Answer) => /"code":"(\w+)"/.exec(body)?.[1]
  },
  {
    name: "connect-node, over Connect",
    headers: { "connect-content-encoding": "identity" },
    deadline: "connect-timeout-ms",
    unit: "",
    isDirect: false,
    codeOf: ({ body }: Answer) => /"code":"(\w+)"/.exec(body)?.[1]
  },
  {
    name: "connect-node, over gRPC",
    headers: { "content-type": "application/grpc", te: "trailers" },
    deadline: "grpc-timeout",
    unit: "m",
    isDirect: false,
    codeOf: ({ trailers }: Answer) => codes[String(trailers["grpc-status"])]
  },
  {
    name: "connect-node, over gRPC-Web",
    headers: { "content-type": "application/grpc-web+proto" },
    deadline: "grpc-timeout",
    unit: "m",
    isDirect: false,
    codeOf: ({ body }: Answer) => {
      const status = /grpc-status: (\d+)/.exec(body)?.[1] ?? ""
      return codes[status]
    }
  }
] as const

for (const { codeOf, deadline, headers, isDirect, name, unit } of paths) {
  describe(name, () => {
    it("is the one that serves the request", () => {
      assert.strictEqual(Request.isDirect({ ...call, ...headers } as http2.IncomingHttpHeaders), isDirect)
    })

    // None of them makes a URL.
    for (const authority of ["a:99999", "host:port", "["])
      it.live(`serves a call to the authority "${authority}"`, () =>
        Effect.gen(function* () {
          const { session } = yield* world
          const { first } = yield* askAndStay(session, { ...headers, ":authority": authority })
          assert.strictEqual(first, accepted)
        })
      )

    it.live("serves a call without a deadline", () =>
      Effect.gen(function* () {
        const { session } = yield* world
        const { first } = yield* askAndStay(session, headers)
        assert.strictEqual(first, accepted)
      })
    )

    it.live("tells the endpoint of a reset, though Node's clients finish their side before it", () =>
      Effect.gen(function* () {
        const { failed, session } = yield* world
        yield* Effect.scoped(askAndStay(session, headers))
        assert.strictEqual(yield* failed, "FlowReset, delivered: no")
      })
    )

    it.live("tells the endpoint of a caller that finishes without End", () =>
      Effect.gen(function* () {
        const { failed, session } = yield* world
        const { stream } = yield* askAndStay(session, headers)
        stream.end()
        assert.strictEqual(yield* failed, "PeerLost, delivered: no")
      })
    )

    // The longest that can be said is more than a timer of Node can wait for.
    for (const time of [`60000${unit}`, deadline === "grpc-timeout" ? "99999999H" : "9999999999"])
      it.live(`serves a call whose deadline is ${time} away`, () =>
        Effect.gen(function* () {
          const { session } = yield* world
          const warnings = yield* warned
          const { first, stream } = yield* askAndStay(session, { ...headers, [deadline]: time })
          assert.strictEqual(first, accepted)
          const ended = Effect.callback<void>((resume) => {
            stream.once("end", () => resume(Effect.void))
          })
          assert.isTrue(Option.isNone(yield* Effect.timeoutOption(ended, "100 millis")))
          assert.isEmpty(warnings)
        })
      )

    it.live("says so when the deadline passes, and the flow fails at the endpoint", () =>
      Effect.gen(function* () {
        const { failed, session } = yield* world
        const answer = yield* ask(session, { ...headers, [deadline]: `300${unit}` })
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(codeOf(answer), "deadline_exceeded", JSON.stringify(answer))
        assert.strictEqual(yield* failed, "DeadlineExceeded, delivered: no")
      })
    )

    it.live("says so when the deadline has passed already", () =>
      Effect.gen(function* () {
        const { session } = yield* world
        assert.strictEqual(codeOf(yield* ask(session, { ...headers, [deadline]: `0${unit}` })), "deadline_exceeded")
      })
    )

    for (const time of ["abc", "-1", "1.5", "1e3", "12345678901"])
      it.live(`refuses a deadline of ${time}`, () =>
        Effect.gen(function* () {
          const { session } = yield* world
          const answer = yield* ask(session, { ...headers, [deadline]: `${time}${unit}` })
          assert.strictEqual(codeOf(answer), "invalid_argument", JSON.stringify(answer))
          assert.notInclude(answer.body, accepted)
        })
      )

    const encoding = deadline === "grpc-timeout" ? "grpc-encoding" : "connect-content-encoding"
    for (const header of [encoding, "content-encoding"]) {
      const refused = ["br", "rot13", "gzip, identity"]
      for (const compression of header === "content-encoding" ? ["gzip", ...refused] : refused)
        it.live(`refuses requests in ${compression}, as ${header} says`, () =>
          Effect.gen(function* () {
            const { session } = yield* world
            const answer = yield* ask(session, { ...headers, [header]: compression })
            assert.strictEqual(answer.status, 200)
            assert.strictEqual(codeOf(answer), "unimplemented", JSON.stringify(answer))
            const said = answer.body + decodeURIComponent(String(answer.trailers["grpc-message"] ?? ""))
            const plain = decodeURIComponent(said).replaceAll("\\", "")
            assert.include(plain, `unknown compression "${compression}`)
            assert.include(plain, "supported encodings are gzip")
            assert.notInclude(answer.body, "\u0000\u0000\u0000\u0000\u0002\u0012\u0000")
          })
        )

      it.live(`serves requests in identity, as ${header} says`, () =>
        Effect.gen(function* () {
          const { session } = yield* world
          const { first } = yield* askAndStay(session, { ...headers, [header]: "identity" })
          assert.strictEqual(first, accepted)
        })
      )
    }

    const compressed = { ...headers, [encoding]: "gzip" }

    it.live("serves frames in gzip and plain ones beside them, and answers with plain ones", () =>
      Effect.gen(function* () {
        const { session } = yield* world
        const data = (text: string): Frame.Frame => ({ _tag: "Data", messages: [Buffer.from(text)], partial: false })
        const said = [
          gzipped(messageOf({ ...openFrame, endpoint: "echo" })),
          gzipped(messageOf(data("hello".repeat(1000)))),
          FrameBytes.encode(data("again")),
          gzipped(messageOf({ _tag: "End", count: 2 }))
        ]
        const answer = yield* ask(session, compressed, { said, isFinished: true })
        const [first, ...rest] = framesOf(answer)
        assert.strictEqual(first?._tag, "Accepted")
        const messages = rest.flatMap((frame) => (frame._tag === "Data" ? frame.messages : []))
        assert.deepStrictEqual(
          messages.map((message) => Buffer.from(message).toString()),
          ["hello".repeat(1000), "again"]
        )
        assert.deepStrictEqual(rest.at(-1), { _tag: "End", count: 2 })
        assert.notProperty(answer.headers, encoding)
      })
    )

    /** A frame of 64 MiB in 64 KiB. */
    const bomb = gzipped(new Uint8Array(2 ** 26))
    const wrong: ReadonlyArray<readonly [string, Uint8Array, http2.OutgoingHttpHeaders, string]> = [
      ["one that inflates beyond the bound of a frame", bomb, compressed, "resource_exhausted"],
      ["one that is no gzip", Buffer.from([1, 0, 0, 0, 3, 1, 2, 3]), compressed, "internal"],
      ["one that nobody said would be", gzipped(messageOf(openFrame)), headers, "internal"]
    ]
    for (const [what, bytes, said, code] of wrong) {
      it.live(`refuses a compressed frame: ${what}`, () =>
        Effect.gen(function* () {
          const { session } = yield* world
          const answer = yield* ask(session, said, { said: [bytes] })
          if (isDirect && said === headers) assert.strictEqual(failOf(answer), "ProtocolViolation")
          else assert.strictEqual(codeOf(answer), code, JSON.stringify(answer))
        })
      )

      it.live(`fails the flow of a compressed frame: ${what}`, () =>
        Effect.gen(function* () {
          const { failed, session } = yield* world
          const answer = yield* ask(session, said, { said: [FrameBytes.encode(openFrame), bytes] })
          assert.strictEqual(framesOf(answer)[0]?._tag, "Accepted")
          assert.strictEqual(failOf(answer), "ProtocolViolation")
          assert.strictEqual(yield* failed, "ProtocolViolation, delivered: no")
        })
      )
    }

    const unsaid: ReadonlyArray<readonly [string, Said]> = [
      ["an empty first frame", { said: [Envelope.wrap(new Uint8Array(0))] }],
      ["a first frame of no known kind", { said: [Envelope.wrap(Uint8Array.of(0x7a, 0))] }],
      ["no frame at all", { said: [], isFinished: true }],
      ["an Open, and the end without End", { isFinished: true }]
    ]
    for (const [what, said] of unsaid)
      it.live(`says what is wrong with ${what}`, () =>
        Effect.gen(function* () {
          const { session } = yield* world
          assert.strictEqual(failOf(yield* ask(session, headers, said)), "ProtocolViolation")
        })
      )

    it.live("tells a cautious client to go on", () =>
      Effect.gen(function* () {
        const { session } = yield* world
        const told = yield* Effect.callback<boolean>((resume) => {
          const stream = session.request({ ...call, ...headers, expect: "100-continue" }, { endStream: false })
          stream.on("error", () => undefined).on("continue", () => resume(Effect.succeed(true)))
          stream.on("response", () => resume(Effect.succeed(false)))
          return Effect.sync(() => stream.close())
        }).pipe(soon)
        assert.isTrue(told)
        const { first } = yield* askAndStay(session, { ...headers, expect: "100-continue" })
        assert.strictEqual(first, accepted)
      })
    )

    it.live("does not compress, whatever the client accepts", () =>
      Effect.gen(function* () {
        const { session } = yield* world
        const accepts = { "accept-encoding": "gzip", "connect-accept-encoding": "gzip", "grpc-accept-encoding": "gzip" }
        const { first } = yield* askAndStay(session, { ...headers, ...accepts })
        assert.strictEqual(first, accepted)
      })
    )
  })
}

describe("a request that is for no flow", () => {
  const cases: ReadonlyArray<readonly [string, http2.OutgoingHttpHeaders, number]> = [
    ["another path", { ":path": "/grinta.v1.FlowService/Close" }, 404],
    ["another service", { ":path": "/other.v1.FlowService/Open" }, 404],
    ["the path with a query", { ":path": "/grinta.v1.FlowService/Open?connect=v1" }, 404],
    ["GET", { ":method": "GET" }, 405],
    ["PUT", { ":method": "PUT" }, 405],
    ["GET over gRPC", { ":method": "GET", "content-type": "application/grpc" }, 405],
    ...["text/plain", "application/json", "application/proto", "application/connect+json", "application/grpc+json"].map(
      (type) => [type, { "content-type": type }, 415] as const
    ),
    ["application/GRPC-web+JSON", { "content-type": "application/GRPC-web+JSON" }, 415],
    ["no content-type", { "content-type": undefined }, 415]
  ]
  for (const [what, headers, status] of cases)
    it.live(`gets ${status}: ${what}`, () =>
      Effect.gen(function* () {
        const { session } = yield* world
        const answer = yield* ask(session, headers)
        assert.strictEqual(answer.status, status)
        assert.isTrue(answer.isBare, "it has a body")
        assert.strictEqual(answer.headers.allow, status === 405 ? "POST" : undefined)
        assert.strictEqual((yield* askAndStay(session, {})).first, accepted)
      })
    )

  for (const type of ["application/grpc", "application/grpc+proto", "application/grpc-web+proto"])
    it.live(`is unimplemented over ${type}`, () =>
      Effect.gen(function* () {
        const { session } = yield* world
        const answer = yield* ask(session, { ":path": "/other.v1.Service/Do", "content-type": type })
        assert.strictEqual(answer.status, 200)
        assert.isTrue(answer.isBare, "it has a body")
        assert.strictEqual(answer.headers["content-type"], type)
        assert.strictEqual(answer.headers["grpc-status"], "12")
      })
    )

  it.live("is an invalid argument in a version of Connect that does not exist", () =>
    Effect.gen(function* () {
      const { session } = yield* world
      const answer = yield* ask(session, { "connect-protocol-version": "2" })
      assert.include(answer.body, "invalid_argument")
      assert.isEmpty(framesOf(answer))
    })
  )
})

describe("the direct path", () => {
  const cases: ReadonlyArray<readonly [string, http2.IncomingHttpHeaders, boolean]> = [
    ["what clients accept does not matter", { "connect-accept-encoding": "gzip,br" }, true],
    ["the version of the protocol may be left out", { "connect-protocol-version": undefined }, true],
    ["a deadline", { "connect-timeout-ms": "1000" }, true],
    ["a deadline of ten digits", { "connect-timeout-ms": "9999999999" }, true],
    ["a deadline that is no time", { "connect-timeout-ms": "soon" }, false],
    ["another version", { "connect-protocol-version": "2" }, false],
    ["caution", { expect: "100-continue" }, false],
    ["compression", { "connect-content-encoding": "gzip" }, false],
    ["another type", { "content-type": "application/grpc" }, false],
    ["another path", { ":path": "/" }, false],
    ["another method", { ":method": "GET" }, false]
  ]
  it.each(cases)("%s", (_, headers, isDirect) => {
    assert.strictEqual(Request.isDirect({ ...call, ...headers } as http2.IncomingHttpHeaders), isDirect)
  })

  it.live("answers at the deadline with these bytes", () =>
    Effect.gen(function* () {
      const { session } = yield* world
      const { body } = yield* ask(session, { "connect-timeout-ms": "1" })
      assert.isTrue(body.endsWith(`\u0002\0\0\0&{"error":{"code":"deadline_exceeded"}}`), body)
    })
  )
})
