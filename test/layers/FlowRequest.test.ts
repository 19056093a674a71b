/**
 * What the headers of a request ask for, and get: which path serves it, how a deadline is kept, what is refused. The same
 * is asked on both paths, by clients that do nothing on their own.
 *
 * Source: faults.md, rows H12 to H14.
 */
import * as http2 from "node:http2"
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Option, Stream } from "effect"
import * as FlowAnswer from "../../src/layers/FlowAnswer.ts"
import * as FlowServer from "../../src/layers/FlowServer.ts"
import * as Http2Server from "../../src/layers/Http2Server.ts"
import * as Timeouts from "../../src/layers/Timeouts.ts"
import * as TransportConnect from "../../src/layers/TransportConnect.ts"
import * as Frame from "../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../src/protocol/flow/FrameBytes.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"
import { Transport } from "../../src/services/Transport.ts"

const soon = Effect.timeout("10 seconds")
const silent = Contract.make("silent", { input: Codec.bytes, output: Codec.bytes })
const config: FlowServer.Config = { ...FlowServer.defaults, handlerGrace: "50 millis" }
const openFrame: Frame.Frame = {
  _tag: "Open",
  endpoint: "silent",
  wireVersion: 1,
  contract: 0n,
  codec: "",
  caller: "",
  host: ""
}

/** A host whose one endpoint says nothing. `failed` waits for what its flow fails with. */
const world = Effect.gen(function* () {
  const transport = yield* Effect.map(Layer.build(TransportConnect.layer({ port: 0 })), Context.get(Transport))
  const failed = yield* Deferred.make<string>()
  const exposed = FlowServer.expose(
    silent,
    (flow) =>
      Stream.runDrain(flow.messages).pipe(
        Effect.tapError(({ delivered, reason }) => Deferred.succeed(failed, `${reason._tag}, delivered: ${delivered}`))
      ),
    { context: Context.empty(), config }
  )
  const opening = yield* Timeouts.make(config.openTimeout)
  yield* transport.serve((link) =>
    FlowAnswer.answer(link, { self: "server", find: (name) => (name === silent.name ? exposed : undefined), opening })
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
  readonly body: string
  readonly trailers: http2.IncomingHttpHeaders
}

const call: http2.OutgoingHttpHeaders = {
  ":method": "POST",
  ":path": "/grinta.v1.FlowService/Open",
  "content-type": "application/connect+proto",
  "connect-protocol-version": "1"
}

/** Asks with these headers, says Open, and reads the answer until it ends. */
const ask = (session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders) =>
  Effect.callback<Answer>((resume) => {
    const stream = session.request({ ...call, ...headers }, { endStream: false })
    const chunks: Array<Uint8Array> = []
    let status: number | undefined
    let trailers: http2.IncomingHttpHeaders = {}
    stream.on("error", () => undefined)
    stream.on("response", (response) => (status = response[":status"]))
    stream.on("trailers", (said) => (trailers = said))
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk))
    stream.on("end", () => resume(Effect.succeed({ status, trailers, body: Buffer.concat(chunks).toString() })))
    stream.write(FrameBytes.encode(openFrame))
    return Effect.sync(() => stream.close())
  }).pipe(soon)

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
    codeOf: ({ trailers }: Answer) =>
      ({ "3": "invalid_argument", "4": "deadline_exceeded", "12": "unimplemented" })[String(trailers["grpc-status"])]
  },
  {
    name: "connect-node, over gRPC-Web",
    headers: { "content-type": "application/grpc-web+proto" },
    deadline: "grpc-timeout",
    unit: "m",
    isDirect: false,
    codeOf: ({ body }: Answer) => {
      const status = /grpc-status: (\d+)/.exec(body)?.[1] ?? ""
      return { "3": "invalid_argument", "4": "deadline_exceeded", "12": "unimplemented" }[status]
    }
  }
] as const

for (const { codeOf, deadline, headers, isDirect, name, unit } of paths) {
  describe(name, () => {
    it("is the one that serves the request", () => {
      assert.strictEqual(Http2Server.isDirect({ ...call, ...headers } as http2.IncomingHttpHeaders), isDirect)
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
      for (const compression of ["gzip", "br", "rot13", "gzip, identity"])
        it.live(`refuses requests in ${compression}, as ${header} says`, () =>
          Effect.gen(function* () {
            const { session } = yield* world
            const answer = yield* ask(session, { ...headers, [header]: compression })
            assert.strictEqual(answer.status, 200)
            assert.strictEqual(codeOf(answer), "unimplemented", JSON.stringify(answer))
            const said = answer.body + decodeURIComponent(String(answer.trailers["grpc-message"] ?? ""))
            const plain = decodeURIComponent(said).replaceAll("\\", "")
            assert.include(plain, `unknown compression "${compression}"`)
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
        assert.strictEqual((yield* ask(session, headers)).status, status)
        assert.strictEqual((yield* askAndStay(session, {})).first, accepted)
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
    ["compression", { "connect-content-encoding": "gzip" }, false],
    ["another type", { "content-type": "application/grpc" }, false],
    ["another path", { ":path": "/" }, false],
    ["another method", { ":method": "GET" }, false]
  ]
  it.each(cases)("%s", (_, headers, isDirect) => {
    assert.strictEqual(Http2Server.isDirect({ ...call, ...headers } as http2.IncomingHttpHeaders), isDirect)
  })

  it.live("answers at the deadline with these bytes", () =>
    Effect.gen(function* () {
      const { session } = yield* world
      const { body } = yield* ask(session, { "connect-timeout-ms": "1" })
      assert.isTrue(body.endsWith(`\u0002\0\0\0&{"error":{"code":"deadline_exceeded"}}`), body)
    })
  )
})
