/**
 * The laws of an exchange: as many messages as one likes go both ways at once, all that came is handed out, and it ends well
 * only if all was sent.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Schema, type Scope, Stream } from "effect"
import * as Contract from "../../src/services/Contract.ts"
import type { Flow } from "../../src/services/Flow.ts"
import { FlowError } from "../../src/services/FlowError.ts"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import type { Wire } from "./flow.ts"
import { errorOf, serving, soon } from "./Serving.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}
class Dry extends Schema.TaggedError<Dry>()("Dry", {}) {}

const texts = Contract.make("texts", { input: Schema.NonEmptyString, output: Schema.String, error: Refused })

const echo = (flow: Flow<string, string>): Effect.Effect<void, FlowError> => Stream.runForEach(flow.messages, flow.send)

const told = (error: unknown): string =>
  error instanceof FlowError
    ? error.reason._tag
    : error instanceof Refused || error instanceof Dry
      ? error._tag
      : String(error)

export const exchangeLaws = (name: string, makeWire: Effect.Effect<Wire, NetworkError, Scope.Scope>) => {
  /** What comes in an exchange, and how it fails. */
  const exchanged = Effect.fnUntraced(function* <E, E2>(
    flow: Flow<string, string, E>,
    outgoing: Stream.Stream<string, E2>,
    came: Array<string> = []
  ) {
    const exit = yield* soon(
      Effect.exit(Stream.runForEach(flow.exchange(outgoing), (text) => Effect.sync(() => came.push(text))))
    )
    return { came, error: exit._tag === "Success" ? "none" : told(errorOf(exit)) }
  })

  describe(`an exchange: ${name}`, () => {
    it.live("carries as many messages both ways as one likes, in order, and then ends", () =>
      Effect.gen(function* () {
        const { open } = yield* serving(makeWire, texts, echo)
        const flow = yield* open
        const sent = Array.from({ length: 20_000 }, (_, i) => `text ${i}`)
        const { came, error } = yield* exchanged(flow, Stream.fromIterable(sent))
        assert.deepStrictEqual([came.length, error], [sent.length, "none"])
        assert.deepStrictEqual(came, sent)
        assert.strictEqual(told(errorOf(yield* Effect.exit(flow.send("more")))), "FlowClosed")
      })
    )

    it.live("sends nothing and ends, for a stream without messages", () =>
      Effect.gen(function* () {
        const { open } = yield* serving(makeWire, texts, (flow) =>
          Effect.andThen(Stream.runDrain(flow.messages), flow.send("that was all"))
        )
        assert.deepStrictEqual(yield* exchanged(yield* open, Stream.empty), { came: ["that was all"], error: "none" })
      })
    )

    it.live("goes both ways from the endpoint's side, too", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<ReadonlyArray<string>>()
        const sent = Array.from({ length: 5_000 }, (_, i) => `text ${i}`)
        const { open } = yield* serving(makeWire, texts, (flow) =>
          Effect.flatMap(Stream.runCollect(flow.exchange(Stream.fromIterable(sent))), (all) =>
            Deferred.succeed(heard, all)
          )
        )
        const { came, error } = yield* exchanged(yield* open, Stream.fromIterable(sent))
        assert.deepStrictEqual([came, error], [sent, "none"])
        assert.deepStrictEqual(yield* soon(Deferred.await(heard)), sent)
      })
    )

    it.live("sends on after the other side has ended", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<ReadonlyArray<string>>()
        const { open } = yield* serving(makeWire, texts, (flow) =>
          flow.end.pipe(
            Effect.andThen(Stream.runCollect(flow.messages)),
            Effect.flatMap((all) => Deferred.succeed(heard, all))
          )
        )
        const flow = yield* open
        const outgoing = Stream.concat(
          Stream.make("one"),
          Stream.fromEffect(Effect.delay(Effect.succeed("two"), "100 millis"))
        )
        assert.deepStrictEqual(yield* exchanged(flow, outgoing), { came: [], error: "none" })
        assert.deepStrictEqual(yield* soon(Deferred.await(heard)), ["one", "two"])
      })
    )

    it.live("fails with the endpoint's error, after what came before it", () =>
      Effect.gen(function* () {
        const { open } = yield* serving(makeWire, texts, (flow) =>
          flow.sendAll(["one", "two"]).pipe(Effect.andThen(flow.receive), Effect.andThen(new Refused({ why: "" })))
        )
        for (const outgoing of [Stream.forever(Stream.make("text")), Stream.concat(Stream.make("text"), Stream.never)])
          assert.deepStrictEqual(yield* exchanged(yield* open, outgoing), { came: ["one", "two"], error: "Refused" })
      })
    )

    it.live("fails when the endpoint has finished before all was sent", () =>
      Effect.gen(function* () {
        const { open } = yield* serving(makeWire, texts, (flow) => Effect.andThen(flow.receive, flow.send("enough")))
        for (const outgoing of [Stream.forever(Stream.make("text")), Stream.concat(Stream.make("text"), Stream.never)])
          assert.deepStrictEqual(yield* exchanged(yield* open, outgoing), { came: ["enough"], error: "FlowClosed" })
      })
    )

    it.live("fails when the peer is lost, and when it waits for a message", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<void>()
        const { open, wire } = yield* serving(makeWire, texts, (flow) =>
          flow
            .send("one")
            .pipe(
              Effect.andThen(flow.receive),
              Effect.andThen(Deferred.succeed(heard, undefined)),
              Effect.andThen(Effect.never)
            )
        )
        const flow = yield* open
        yield* Effect.forkChild(Effect.andThen(Deferred.await(heard), wire.kill))
        const came: Array<string> = []
        const text = Effect.repeat(Effect.as(Effect.sleep("5 millis"), "text"), { until: () => came.length > 0 })
        const outgoing = Stream.concat(Stream.fromEffect(text), Stream.never)
        assert.deepStrictEqual(yield* exchanged(flow, outgoing, came), { came: ["one"], error: "PeerLost" })
      })
    )

    it.live("fails at once with its stream, or with a message that cannot be sent, and the flow goes on", () =>
      Effect.gen(function* () {
        const { open } = yield* serving(makeWire, texts, echo)
        const flow = yield* open
        const dry = Stream.concat(Stream.make("text"), Stream.fromEffect(Effect.delay(new Dry(), "100 millis")))
        assert.deepStrictEqual(yield* exchanged(flow, dry), { came: ["text"], error: "Dry" })
        const bad = Stream.concat(
          Stream.make("more"),
          Stream.fromEffect(Effect.delay(Effect.succeed(""), "100 millis"))
        )
        assert.deepStrictEqual(yield* exchanged(flow, bad), { came: ["more"], error: "MalformedMessage" })
        yield* flow.send("good")
        assert.strictEqual(yield* soon(flow.receive), "good")
      })
    )

    it.live("that is left sends no more, and the flow goes on", () =>
      Effect.gen(function* () {
        const { open } = yield* serving(makeWire, texts, echo)
        const flow = yield* open
        const numbers = Stream.concat(Stream.make("one", "two"), Stream.never)
        assert.deepStrictEqual(yield* soon(Stream.runCollect(Stream.take(flow.exchange(numbers), 2))), ["one", "two"])
        yield* flow.send("three")
        assert.strictEqual(yield* soon(flow.receive), "three")
        yield* flow.end
        assert.deepStrictEqual(yield* soon(Stream.runCollect(flow.messages)), [])
      })
    )
  })
}
