/** What a caller says of itself: it reaches the handler on every transport, and nobody else. */
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Formatter, Layer, Logger, Redacted, References, Schema, Stream, Tracer } from "effect"
import {
  Access,
  Codec,
  Endpoint,
  Fabric,
  FabricLocal,
  type Flow,
  type Handler,
  type MetadataInput
} from "../../../../src/index.ts"
import * as Request from "../../../../src/layers/transport/http2/foreign/Request.ts"
import * as Metadata from "../../../../src/protocol/flow/Metadata.ts"
import { callFrom, type TransportName, type Who, world } from "./World.ts"

const transports: ReadonlyArray<readonly [TransportName, Who]> = [
  ["queue", "server"],
  ["memory", "db"],
  ["HTTP/2", "db"],
  ["TLS", "db"]
]

const secret = "s3cr3t-of-the-caller"

describe("metadata of a caller", () => {
  it.live.each(transports)("reaches the handler over %s, and the function that decides", ([transport, who]) =>
    Effect.gen(function* () {
      const { call, expose } = yield* world(transport)
      yield* expose("said", {
        allow: ({ peer }) =>
          Effect.succeed(peer.metadata.get("token") === "right" ? Access.allow : Access.deny("another token"))
      })
      const said = (metadata: MetadataInput) => call(who, "said", { metadata })
      assert.include(yield* said({ token: "right", "tenant.id": "Zürich 7" }), " token=right tenant.id=Zürich 7")
      assert.include(yield* said({ token: Redacted.make("right") }), " token=right")
      assert.strictEqual(yield* said({ token: "wrong" }), "Unauthorized")
      assert.strictEqual(yield* said({}), "Unauthorized")
    }).pipe(Effect.scoped)
  )

  it.live("is said by clients in Open or in headers, over Connect and gRPC, and not in both", () =>
    Effect.gen(function* () {
      const { expose, flowPort } = yield* world("HTTP/2")
      const { started } = yield* expose("said", {})
      const call = (
        headers: Readonly<Record<string, string>>,
        metadata: Record<string, string>,
        protocol: "Connect" | "gRPC"
      ) => callFrom(flowPort, "plain", { endpoint: "said", metadata }, { headers, protocol })
      for (const protocol of ["Connect", "gRPC"] as const) {
        assert.strictEqual(yield* call({}, { token: "a" }, protocol), ": nothing token=a")
        assert.strictEqual(yield* call({ "grinta-meta-token": "a" }, {}, protocol), ": nothing token=a")
        const both = yield* call({ "grinta-meta-tenant.id": "b" }, { token: "a" }, protocol)
        assert.strictEqual(both, ": nothing tenant.id=b token=a")
        const before = started()
        assert.include(yield* call({ "grinta-meta-token": "a" }, { token: "a" }, protocol), '"token" is said twice')
        const refused: ReadonlyArray<readonly [Record<string, string>, Record<string, string>]> = [
          [{}, { Token: secret }],
          [{}, { token: `${secret}\n` }],
          [{}, { token: secret.repeat(100) }],
          [{}, Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, secret]))],
          [{ [`grinta-meta-${"k".repeat(65)}`]: secret }, {}],
          [{ "grinta-meta-": secret }, {}],
          [{ "grinta-meta-token": secret.repeat(100) }, {}]
        ]
        for (const [headers, metadata] of refused) {
          const said = yield* call(headers, metadata, protocol)
          assert.include(said, "the metadata cannot be taken")
          assert.notInclude(said, secret)
        }
        assert.strictEqual(started(), before)
      }
    }).pipe(Effect.scoped)
  )

  it.effect("is refused before anything is dialled, and its values are in no error", () =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      const Echo = Endpoint.make("none", { input: Codec.bytes, output: Codec.bytes })
      const held = new Map([["token", secret]])
      const foreign = [
        held,
        new Headers({ token: secret }),
        secret,
        5,
        null,
        [secret],
        Object.create({ token: secret })
      ]
      const wrong: ReadonlyArray<MetadataInput> = [
        ...foreign,
        Redacted.make({ token: secret }),
        { Token: secret },
        { "": secret },
        { token: `${secret}\u0007` },
        { token: secret.repeat(100) },
        { token: Redacted.make(`${secret}\n`) },
        Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, secret]))
      ]
      for (const metadata of wrong) {
        const error = yield* Effect.flip(Effect.scoped(fabric.connect(Echo, { metadata })))
        assert.isTrue(error.reason._tag === "InvalidConfig" && error.reason.setting === "metadata", String(error))
        assert.notInclude(inspect(error, { depth: 10 }), secret)
        const each = yield* Effect.flip(Stream.runHead(fabric.connectEach(Echo, { metadata })))
        assert.strictEqual(each.reason._tag, "InvalidConfig")
      }
    })
  )

  it.effect("may be that of another caller, to pass it on", () =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      const options = { input: Codec.bytes, output: Schema.String }
      const [Back, Front] = [Endpoint.make("back", options), Endpoint.make("front", options)]
      yield* fabric.expose(Back, ({ peer, send }) => send(peer.metadata.get("token") ?? "nothing"))
      yield* fabric.expose(Front, ({ peer, send }) =>
        Effect.flatMap(fabric.connect(Back, { metadata: peer.metadata }), ({ receive }) =>
          Effect.flatMap(Effect.orDie(receive), send)
        ).pipe(Effect.catchTag("NetworkError", Effect.die))
      )
      const ask = (metadata: MetadataInput) =>
        Effect.scoped(Effect.flatMap(fabric.connect(Front, { metadata }), ({ receive }) => receive))
      assert.strictEqual(yield* ask({ token: "t-1" }), "t-1")
      assert.strictEqual(yield* ask({}), "nothing")
    })
  )

  it("is what its headers say, each of them once", () => {
    const said = Request.metadataOf(["te", "trailers", "grinta-meta-token", "one, two", "grinta-meta-b", ""])
    assert.isTrue(said instanceof Metadata.Metadata)
    if (said instanceof Metadata.Metadata) assert.deepStrictEqual({ ...said.revealed }, { token: "one, two", b: "" })
    assert.isUndefined(Request.metadataOf(["te", "trailers"]))
    const twice = ["grinta-meta-token", secret, "te", "trailers", "grinta-meta-token", secret]
    assert.strictEqual(Request.metadataOf(twice), '"token" is said twice')
  })

  it.live("is in no log, no span and no error, however a flow goes", () => {
    const texts: Array<string> = []
    const logger = Logger.make(({ cause, fiber, message }) => {
      const parts = [message, fiber.getRef(References.CurrentLogAnnotations), Cause.pretty(cause)]
      for (const part of parts) texts.push(inspect(part, { depth: 10 }), Formatter.format(part))
    })
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        texts.push(inspect(span, { depth: 6 }))
        return span
      }
    })
    return Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      const Echo = Endpoint.make("echo", { input: Codec.bytes, output: Codec.bytes })
      const { allow } = yield* fabric.expose(Echo, (flow) =>
        Effect.gen(function* () {
          assert.strictEqual(flow.peer.metadata.get("token"), secret)
          yield* Effect.logError("a flow", flow.peer, flow.peer.metadata, { ...flow.peer })
          texts.push(
            JSON.stringify(flow.peer),
            inspect(flow, { depth: 10, showHidden: true }),
            String(flow.peer.metadata)
          )
          return yield* Effect.die(new Error("a bug"))
        })
      )
      const ask = Effect.flatMap(fabric.connect(Echo, { metadata: { token: secret } }), (flow) => flow.receive)
      const failed = yield* Effect.flip(Effect.scoped(ask))
      yield* allow((request) => Effect.andThen(Effect.logError(request), Effect.fail(request)))
      const refused = yield* Effect.flip(Effect.scoped(ask))
      texts.push(inspect(failed, { depth: 10 }), inspect(refused, { depth: 10 }))
      assert.isTrue(texts.some((text) => text.includes("<redacted>")))
      assert.isAbove(texts.length, 20)
      for (const text of texts) assert.notInclude(text, secret)
    }).pipe(
      Effect.scoped,
      Effect.provideService(References.MinimumLogLevel, "Trace"),
      Effect.provide(Logger.layer([logger])),
      Effect.withTracer(tracer)
    )
  })
})

describe("what stands around a handler", () => {
  class NotKnown extends Schema.TaggedError<NotKnown>()("NotKnown", {}) {}
  const Orders = Endpoint.make("orders", { input: Codec.bytes, output: Schema.String, error: NotKnown })

  /** Has a handler run for callers whose token is known, with who that is. */
  const authenticated =
    <In, Out, E, R>(users: Readonly<Record<string, string>>, handler: (user: string) => Handler<In, Out, E, R>) =>
    (flow: Flow<Out, In>) => {
      const user = users[flow.peer.metadata.get("token") ?? ""]
      return user === undefined ? Effect.fail(new NotKnown()) : Effect.annotateLogs(handler(user)(flow), { user })
    }

  it.effect("is plain Effect: a function from a handler to a handler", () =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      const handler = authenticated(
        { t1: "ann" },
        (user) => (flow: Flow<string, Uint8Array>) => flow.send(`hello ${user}`)
      )
      yield* fabric.expose(Orders, handler)
      const ask = (token: string) =>
        Effect.scoped(Effect.flatMap(fabric.connect(Orders, { metadata: { token } }), (flow) => flow.receive))
      assert.strictEqual(yield* ask("t1"), "hello ann")
      assert.instanceOf(yield* Effect.flip(ask("t2")), NotKnown)
    })
  )
})
