/**
 * The laws of how a handler ends: its caller is told a true reason without details, the log has one line with the cause,
 * endpoint and peer, and its span ends. A good end, and only that, is no failure.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Context,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  References,
  Schema,
  type Scope,
  Stream,
  Tracer
} from "effect"
import * as Frame from "../../src/protocol/flow/Frame.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"
import type { Handler } from "../../src/services/Fabric.ts"
import { FlowClosed, FlowError } from "../../src/services/FlowError.ts"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import type { Wire } from "./flow.ts"
import { pull } from "./Pulled.ts"
import { errorOf, type Serving, serving, soon } from "./Serving.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.NonEmptyString }) {}

const asked = Contract.make("asked", { input: Schema.Number, output: Schema.NonEmptyString, error: Refused })
const limits = { messageBytesMax: 40 }

type Served = Handler<number, string, Refused, Scope.Scope>

/** A handler that breaks the rules of its type, as a program in JavaScript may. */
const unchecked = (handler: (flow: Parameters<Served>[0]) => unknown): Served => handler as Served

const boom = () => Effect.die(new Error("boom"))
const elsewhere = new FlowError({
  endpoint: "elsewhere",
  peer: "server",
  delivered: "no",
  reason: new FlowClosed({ detail: "" })
})

/** What a handler does, what its caller is told, unless this is not the place to say, and what is logged: the level, and words of the line. */
const cases: ReadonlyArray<
  readonly [what: string, handler: Served, told: string | undefined, logged: ReadonlyArray<string>]
> = [
  [
    "throws before it gives an effect",
    unchecked(() => {
      throw new Error("boom")
    }),
    "FlowReset: the handler died",
    ["Error", "died", "boom"]
  ],
  ["gives no effect", unchecked(() => 42), "FlowReset: the handler died", ["Error", "died", "Not a valid effect"]],
  ["dies", boom, "FlowReset: the handler died", ["Error", "died", "boom"]],
  [
    "has a finalizer that dies",
    () => Effect.addFinalizer(boom),
    "FlowReset: the handler died",
    ["Error", "died", "boom"]
  ],
  [
    "is interrupted by itself",
    () => Effect.interrupt,
    "FlowReset: the handler was interrupted",
    ["Error", "was interrupted"]
  ],
  [
    "joins a fiber that it has interrupted",
    () =>
      Effect.flatMap(Effect.forkChild(Effect.never), (fiber) =>
        Effect.andThen(Fiber.interrupt(fiber), Fiber.join(fiber))
      ),
    "FlowReset: the handler was interrupted",
    ["Error", "was interrupted"]
  ],
  [
    "answers too much",
    (flow) => flow.send("a".repeat(50)),
    "FlowReset: an answer of 52 bytes, at most 40 are allowed",
    ["Error", "gave up", "MessageTooLarge"]
  ],
  [
    "answers what does not fit",
    (flow) => flow.send(""),
    "FlowReset: an answer does not fit the contract of the endpoint",
    ["Error", "gave up", "MalformedMessage"]
  ],
  [
    "sends after its end",
    (flow) => Effect.andThen(flow.end, flow.send("more")),
    undefined,
    ["Error", "gave up", "FlowClosed"]
  ],
  [
    "fails with the error of another flow",
    () => Effect.fail(elsewhere),
    "FlowReset: the handler gave up",
    ["Error", "gave up", "elsewhere"]
  ],
  [
    "fails with an error that its schema cannot encode",
    () => Effect.fail(new Refused({ why: "" }, { disableChecks: true })),
    "FlowReset: the handler failed with an error that does not fit the contract of the endpoint",
    ["Error", "failed with an error that does not fit its contract", "Refused"]
  ],
  [
    "fails with an error that nobody has declared",
    unchecked(() => Effect.fail({ _tag: "Surprise" })),
    "FlowReset: the handler failed with an error that does not fit the contract of the endpoint",
    ["Error", "failed with an error that does not fit its contract", "Surprise"]
  ],
  [
    "fails with an error that is too large",
    () => Effect.fail(new Refused({ why: "full".repeat(10) })),
    "FlowReset: the handler failed with an error of 67 bytes, at most 40 are allowed",
    ["Error", "failed with an error of 67 bytes", "Refused"]
  ],
  [
    "fails with its declared error",
    () => Effect.fail(new Refused({ why: "full" })),
    "Refused",
    ["Debug", "failed with its declared error", "Refused"]
  ],
  [
    "fails with its declared error and dies",
    () => Effect.failCause(Cause.combine(Cause.fail(new Refused({ why: "full" })), Cause.die(new Error("boom")))),
    "Refused",
    ["Error", "died", "boom"]
  ],
  ["is done", () => Effect.void, "ok", []],
  ["reads until its caller has ended", (flow) => Effect.forever(flow.receive), "ok", []],
  [
    "reads until its caller has ended, and dies",
    (flow) => Effect.andThen(Effect.addFinalizer(boom), Effect.forever(flow.receive)),
    "FlowReset: the handler died",
    ["Error", "died", "boom"]
  ]
]

/** Loggers and a tracer that write down what they are told. */
const watching = Effect.gen(function* () {
  const logged: Array<{ readonly level: string; readonly text: string }> = []
  const spans: Array<Tracer.Span> = []
  const logger = Logger.make(({ cause, logLevel, message }) => {
    logged.push({ level: logLevel, text: `${String(message)} ${Cause.pretty(cause)} ${JSON.stringify(cause)}` })
  })
  const tracer = Tracer.make({
    span: (options) => {
      if (options.name === "serve untraced") throw new Error("boom")
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const context = (yield* Layer.build(Logger.layer([logger]))).pipe(
    Context.add(References.MinimumLogLevel, "Debug"),
    Context.add(Tracer.Tracer, tracer)
  )
  return { context, logged, spans }
})

const told = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const error = errorOf(exit)
  if (error instanceof Refused) return error._tag
  if (!(error instanceof FlowError)) return String(error)
  const { reason } = error
  return "detail" in reason ? `${reason._tag}: ${reason.detail}` : reason._tag
}

export const handlerLaws = (name: string, makeWire: Effect.Effect<Wire, NetworkError, Scope.Scope>) => {
  describe(`a handler: ${name}`, () => {
    it.live.each(cases)("%s", ([, handler, expected, line]) =>
      Effect.gen(function* () {
        const { context, logged, spans } = yield* watching
        const { open } = yield* serving(makeWire, asked, handler, { context, limits })
        const flow = yield* open
        yield* Effect.ignore(flow.end)
        const exit = yield* soon(Effect.exit(Stream.runDrain(flow.messages)))
        if (expected !== undefined) assert.strictEqual(told(exit), expected)
        yield* soon(
          Effect.repeat(Effect.sleep("5 millis"), { until: () => spans.every((span) => span.status._tag === "Ended") })
        )
        assert.strictEqual(spans.length, 1)
        const [level, ...words] = line
        assert.deepStrictEqual(
          logged.map((entry) => entry.level),
          level === undefined ? [] : [level],
          JSON.stringify(logged)
        )
        for (const { text } of logged) for (const word of ['"asked"', '"client"', ...words]) assert.include(text, word)
      })
    )

    const forged = {
      ...Contract.make("asked", { input: Codec.bytes, output: Codec.bytes }),
      codec: "",
      fingerprint: 0n
    }
    const reading: Served = (flow) => Effect.forever(flow.receive)
    const readingOn: Served = (flow) => Effect.andThen(flow.end, Effect.forever(flow.receive))

    /** What becomes of a flow whose handler reads on. */
    const fates: ReadonlyArray<
      readonly [string, (far: Serving<number, string, Refused>) => Effect.Effect<unknown, unknown, Scope.Scope>]
    > = [
      ["its caller has left", ({ open }) => Effect.scoped(open)],
      ["its endpoint is closed", ({ endpoint, open }) => Effect.andThen(open, endpoint.close)],
      ["its caller is lost", ({ open, wire }) => Effect.andThen(open, wire.kill)],
      [
        "its caller says what does not fit",
        ({ openAs }) =>
          Effect.flatMap(openAs(forged), (flow) =>
            Effect.andThen(flow.send(new TextEncoder().encode('"one"')), Effect.exit(Stream.runDrain(flow.messages)))
          )
      ]
    ]
    for (const [fate, meet] of fates)
      it.live.each([
        ["goes on", reading],
        ["has ended and goes on", readingOn]
      ] as const)(`that %s until ${fate} is no news`, ([, handler]) =>
        Effect.gen(function* () {
          const { context, logged, spans } = yield* watching
          const far = yield* serving(makeWire, asked, handler, { context })
          const begun = Effect.repeat(Effect.sleep("5 millis"), { until: () => spans.length > 0 })
          yield* soon(meet({ ...far, open: Effect.tap(far.open, () => begun) }))
          yield* soon(
            Effect.repeat(Effect.sleep("5 millis"), { until: () => spans.some((span) => span.status._tag === "Ended") })
          )
          assert.deepStrictEqual(
            logged.map(({ level }) => level),
            ["Debug"],
            JSON.stringify(logged)
          )
        })
      )

    it.live("that waits for room until its caller breaks the rules is no news", () =>
      Effect.gen(function* () {
        const { context, logged } = yield* watching
        const { endpoint, wire } = yield* serving(makeWire, asked, (flow) => Effect.forever(flow.send("more")), {
          context
        })
        const link = pull(yield* wire.dial)
        const open = { endpoint: "asked", wireVersion: 1, contract: 0n, codec: "", caller: "client", host: "" }
        yield* link.write({ _tag: "Open", ...open })
        assert.strictEqual((yield* soon(link.read))._tag, "Accepted")
        yield* Effect.sleep("100 millis")
        yield* link.write(Frame.accepted)
        yield* soon(Effect.ignore(Effect.forever(link.read)))
        yield* link.finish
        yield* soon(endpoint.idle)
        assert.deepStrictEqual(
          logged.map(({ level }) => level),
          ["Debug"],
          JSON.stringify(logged)
        )
      })
    )

    it.live("whose error its caller cannot decode resets the flow, and the caller knows why", () =>
      Effect.gen(function* () {
        const { openAs } = yield* serving(makeWire, asked, () => Effect.fail(new Refused({ why: "full" })))
        const flow = yield* openAs({ ...Contract.make("asked", { ...asked, error: Schema.Number }), fingerprint: 0n })
        const exit = yield* soon(Effect.exit(flow.receive))
        assert.strictEqual(told(exit), "FlowReset: the endpoint failed with an error that this side cannot decode")
      })
    )

    it.live("that cannot even start, because a tracer throws, is heard of too", () =>
      Effect.gen(function* () {
        const { context, logged } = yield* watching
        const far = yield* serving(makeWire, { ...asked, name: "untraced" }, () => Effect.void, { context })
        const flow = yield* far.open
        assert.strictEqual(
          told(yield* soon(Effect.exit(flow.receive))),
          "FlowReset: the endpoint could not serve the flow"
        )
        yield* soon(far.endpoint.idle)
        assert.deepStrictEqual(
          logged.map(({ level }) => level),
          ["Error"]
        )
        assert.include(logged[0]?.text ?? "", "boom")
      })
    )
  })
}
