/**
 * The laws of a flow, for every transport: whatever carries the frames, a user sees the same.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Context,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Logger,
  Option,
  Queue,
  Schema,
  type Scope,
  Stream,
  Tracer
} from "effect"
import * as Monotonic from "../../src/layers/core/Monotonic.ts"
import * as Timeouts from "../../src/layers/core/Timeouts.ts"
import * as Answering from "../../src/layers/flow/Answering.ts"
import * as Opening from "../../src/layers/flow/Opening.ts"
import * as Serving from "../../src/layers/flow/Serving.ts"
import * as Trace from "../../src/layers/flow/Trace.ts"
import * as Buffers from "../../src/protocol/flow/Buffers.ts"
import type * as Frame from "../../src/protocol/flow/Frame.ts"
import * as Limits from "../../src/protocol/flow/Limits.ts"
import * as Packing from "../../src/protocol/flow/Packing.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"
import type { Handler } from "../../src/services/Fabric.ts"
import type { Flow } from "../../src/services/Flow.ts"
import type { FlowError } from "../../src/services/FlowError.ts"
import type { Host } from "../../src/services/Host.ts"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import type { FrameListener, Link } from "../../src/services/Transport.ts"
import { deliveredLaws } from "./delivered.ts"
import { exchangeLaws } from "./exchange.ts"
import { handlerLaws } from "./handlers.ts"
import { pull } from "./Pulled.ts"
import { started } from "./Started.ts"

/** Two hosts and what connects them. */
export interface Wire {
  readonly host: Host
  readonly dial: Effect.Effect<Link, NetworkError, Scope.Scope>
  readonly serve: (
    onLink: (link: Link) => Effect.Effect<void, never, Scope.Scope>
  ) => Effect.Effect<void, never, Scope.Scope>
  /** The serving host is gone, without a word. */
  readonly kill: Effect.Effect<void>
}

export class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

const bytes = Contract.make("bytes", { input: Codec.bytes, output: Codec.bytes })
const typed = Contract.make("typed", {
  input: Schema.Struct({ n: Schema.Number, tags: Schema.mutable(Schema.Array(Schema.String)) }),
  output: Schema.Struct({ n: Schema.Number, tags: Schema.mutable(Schema.Array(Schema.String)) }),
  error: Refused
})

const config: Serving.Config = { ...Serving.defaults, handlerGrace: "50 millis" }

export const flowLaws = (name: string, makeWire: Effect.Effect<Wire, NetworkError, Scope.Scope>) => {
  /**
   * Serves one endpoint at the far host, and gives the way to open a flow to it. `seen` counts at the endpoint, whose
   * state is otherwise nobody's to see: the flows that have asked for it, each then served, waiting or refused, and those
   * that hold nothing there any more.
   */
  const exposeAt = <In, Out, E>(
    wire: Wire,
    contract: Contract.Contract<In, Out, E>,
    handler: Handler<In, Out, E, never>,
    bounds: Partial<Serving.Config> = {},
    context = Context.empty()
  ) =>
    Effect.gen(function* () {
      const endpoint = Serving.expose(contract, handler, {
        context,
        config: { ...config, ...bounds }
      })
      const opening = yield* Timeouts.make(config.openTimeout)
      const seen = { asked: 0, gone: 0 }
      yield* wire.serve((link) =>
        Effect.ensuring(
          Answering.answer(link, {
            self: "server",
            find: (asked) => {
              seen.asked += 1
              return asked === contract.name ? endpoint : undefined
            },
            opening
          }),
          Effect.sync(() => {
            seen.gone += 1
          })
        )
      )
      const openAs = <I, O, Err>(
        asked: Contract.Contract<I, O, Err>,
        call: Opening.Call = {}
      ): Effect.Effect<Flow<I, O, Err>, NetworkError, Scope.Scope> =>
        Effect.flatMap(wire.dial, (link) =>
          Opening.open(link, asked, { ...call, caller: "client", host: wire.host, limits: config.limits })
        ).pipe(Effect.map(started))
      return { open: openAs(contract), openAs, endpoint, close: endpoint.close, seen }
    })

  const expose = <In, Out, E>(
    contract: Contract.Contract<In, Out, E>,
    handler: Handler<In, Out, E, never>,
    bounds?: Partial<Serving.Config>,
    context?: Context.Context<never>
  ) =>
    Effect.flatMap(makeWire, (wire) =>
      Effect.map(exposeAt(wire, contract, handler, bounds, context), (far) => ({ ...far, wire }))
    )

  const echo = <A>(flow: Flow<A, A>): Effect.Effect<void, FlowError> =>
    Stream.runForEach(flow.batches, (batch) => flow.sendAll(batch))

  const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
    const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
    if (error !== null && typeof error === "object" && "reason" in error) {
      const { reason } = error
      if (reason !== null && typeof reason === "object" && "_tag" in reason) return String(reason._tag)
    }
    return String(error)
  }

  const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "10 seconds")

  describe(`flow laws: ${name}`, () => {
    it.live("delivers every message, in order, once", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, echo)
        const flow = yield* open
        const count = 20_000
        const sending = yield* Effect.forkChild(
          Effect.gen(function* () {
            for (let i = 0; i < count; i++) yield* flow.send(Uint8Array.of(i & 255, (i >> 8) & 255, (i >> 16) & 255))
            yield* flow.end
          })
        )
        const received = yield* Stream.runCollect(flow.messages)
        yield* Fiber.join(sending)
        assert.strictEqual(received.length, count)
        received.forEach((message, i) => {
          assert.deepStrictEqual([...message], [i & 255, (i >> 8) & 255, (i >> 16) & 255])
        })
      })
    )

    it.live("a sink sends what a stream gives, in order, and leaves the end to its user", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, echo)
        const flow = yield* open
        const numbers = (from: number) =>
          Stream.range(from, from + 9_999).pipe(Stream.map((i) => Uint8Array.of(i & 255, i >> 8)))
        const sending = yield* Effect.forkChild(
          Stream.run(numbers(0), flow.sink).pipe(
            Effect.andThen(Stream.run(numbers(10_000), flow.sink)),
            Effect.andThen(flow.end)
          )
        )
        const received = yield* Stream.runCollect(flow.messages)
        yield* Fiber.join(sending)
        assert.deepStrictEqual(
          received.map(([low = 0, high = 0]) => low + 256 * high),
          Array.from({ length: 20_000 }, (_, i) => i)
        )
        assert.strictEqual(reasonOf(yield* Effect.exit(Stream.run(numbers(0), flow.sink))), "FlowClosed")
      })
    )

    it.live("delivers copies", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(typed, (flow) =>
          Stream.runForEach(flow.messages, (message) => {
            message.tags.push("server")
            return flow.send(message)
          })
        )
        const flow = yield* open
        const sent = { n: 1, tags: ["a"] }
        yield* flow.send(sent)
        sent.tags.push("after")
        const received = yield* flow.receive
        assert.deepStrictEqual(received.tags, ["a", "server"])
        received.tags.push("mine")
        assert.deepStrictEqual(sent.tags, ["a", "after"])
      })
    )

    it.live("delivers copies of bytes", () =>
      Effect.gen(function* () {
        const seen: Array<Uint8Array> = []
        const { open } = yield* expose(bytes, (flow) =>
          Stream.runForEach(flow.messages, (message) => {
            seen.push(message)
            return Effect.andThen(
              flow.send(message),
              Effect.sync(() => message.fill(9))
            )
          })
        )
        const flow = yield* open
        const sent = Uint8Array.of(1, 2, 3)
        yield* flow.send(sent)
        sent.fill(7)
        const received = yield* flow.receive
        assert.deepStrictEqual([...received], [1, 2, 3])
        received.fill(8)
        // Three owners: whoever sent it, the handler, and whoever has its answer.
        assert.deepStrictEqual([...sent, ...seen.flatMap((message) => [...message])], [7, 7, 7, 9, 9, 9])
      })
    )

    it.live("cuts and rejoins a large message, and carries an empty one", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, echo)
        const flow = yield* open
        const large = Uint8Array.from({ length: 1_000_003 }, (_, i) => i % 251)
        yield* Effect.forkChild(Effect.andThen(flow.sendAll([new Uint8Array(0), large, Uint8Array.of(1)]), flow.end))
        const received = yield* Stream.runCollect(flow.messages)
        assert.deepStrictEqual(
          received.map(({ length }) => length),
          [0, large.length, 1]
        )
        assert.deepStrictEqual(received[1], large)
      })
    )

    it.live("half-close: one direction ends, the other goes on", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(typed, (flow) =>
          Effect.gen(function* () {
            const heard = yield* Stream.runCollect(flow.messages)
            for (let i = 0; i < 3; i++) yield* flow.send({ n: heard.length + i, tags: [] })
          })
        )
        const flow = yield* open
        yield* flow.sendAll([
          { n: 1, tags: [] },
          { n: 2, tags: [] }
        ])
        yield* flow.end
        yield* flow.end
        const heard = yield* Stream.runCollect(flow.messages)
        assert.deepStrictEqual(
          heard.map(({ n }) => n),
          [2, 3, 4]
        )
        assert.strictEqual(reasonOf(yield* Effect.exit(flow.send({ n: 1, tags: [] }))), "FlowClosed")
      })
    )

    it.live("the end, where nobody has expected it, says what it is", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(typed, () => Effect.void)
        const flow = yield* open
        const received: ReadonlyArray<Effect.Effect<unknown, unknown>> = [flow.receive, flow.receiveAll]
        for (const receive of received) {
          const exit = yield* soon(Effect.exit(receive))
          const cause = Exit.isFailure(exit) ? exit.cause : Cause.empty
          assert.isTrue(Cause.isDone(Option.getOrUndefined(Cause.findErrorOption(cause))))
          for (const text of [Cause.pretty(cause), String(Cause.squash(cause))])
            assert.strictEqual(text.split("\n")[0], "Done: the other side has ended: no more messages come")
        }
      })
    )

    it.live("the endpoint may end first and still hear the caller", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<number>()
        const { open } = yield* expose(typed, (flow) =>
          Effect.gen(function* () {
            yield* flow.send({ n: 1, tags: [] })
            yield* flow.end
            const messages = yield* Stream.runCollect(flow.messages)
            yield* Deferred.succeed(heard, messages.length)
          })
        )
        const flow = yield* open
        assert.strictEqual((yield* Stream.runCollect(flow.messages)).length, 1)
        yield* flow.sendAll([
          { n: 1, tags: [] },
          { n: 2, tags: [] }
        ])
        yield* flow.end
        assert.strictEqual(yield* soon(Deferred.await(heard)), 2)
      })
    )

    it.live("backpressure: a stalled reader stops the sender within a fixed number of bytes", () =>
      Effect.gen(function* () {
        const release = yield* Deferred.make<void>()
        const { open } = yield* expose(bytes, (flow) => Effect.andThen(Deferred.await(release), echo(flow)))
        const flow = yield* open
        let sentBytes = 0
        const message = new Uint8Array(4096)
        const sending = yield* Effect.forkChild(
          Effect.forever(
            Effect.tap(flow.send(message), () =>
              Effect.sync(() => {
                sentBytes += message.length
              })
            )
          )
        )
        let before = -1
        while (sentBytes === 0 || before !== sentBytes) {
          before = sentBytes
          yield* Effect.sleep("200 millis")
        }
        assert.isAtMost(sentBytes, Limits.stalledBytesMax(config.limits) + 2 * message.length)
        yield* Fiber.interrupt(sending)
        yield* Deferred.succeed(release, undefined)
        yield* flow.end
        const received = yield* soon(Stream.runCollect(flow.messages))
        assert.isAtLeast(received.length * message.length, sentBytes)
      })
    )

    it.live("a stalled reader costs a fixed number of bytes, however large the messages are", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, () => Effect.never)
        const stall = Effect.fnUntraced(function* (length: number) {
          const flow = yield* open
          let sentBytes = 0
          yield* Effect.forkChild(
            Effect.forever(
              Effect.tap(flow.send(new Uint8Array(length)), () =>
                Effect.sync(() => {
                  sentBytes += Packing.sizeOf(length)
                })
              ),
              { disableYield: true }
            )
          )
          let before = -1
          while (sentBytes === 0 || before !== sentBytes) {
            before = sentBytes
            yield* Effect.sleep("300 millis")
          }
          assert.isAbove(sentBytes, 0)
          assert.isAtMost(sentBytes, Limits.stalledBytesMax(config.limits) + 2 * Packing.sizeOf(length))
        })
        yield* Effect.forEach([0, 100, 5_000, 70_000, 1_000_000], stall, { concurrency: "unbounded" })
      })
    )

    it.live("a message that is kept keeps no more than what came at a time beside itself", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, echo)
        const flow = yield* open
        const lengths = Array.from({ length: 2_000 }, (_, index) => (index % 100 === 99 ? 10_000 : index % 100))
        yield* Effect.forkChild(Effect.andThen(flow.sendAll(lengths.map((length) => new Uint8Array(length))), flow.end))
        const received = yield* soon(Stream.runCollect(flow.messages))
        assert.deepStrictEqual(
          received.map(({ length }) => length),
          lengths
        )
        for (const { buffer, length } of received)
          assert.isAtMost(buffer.byteLength, Math.max(2 * length, Buffers.wholeBytes))
      })
    )

    it.live("a stalled flow does not slow another one", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, (flow) =>
          Effect.flatMap(flow.receive, (first) => (first[0] === 0 ? Effect.never : echo(flow))).pipe(
            Effect.catchIf(Cause.isDone, () => Effect.void)
          )
        )
        const stalled = yield* open
        yield* stalled.send(Uint8Array.of(0))
        yield* Effect.forkChild(Effect.forever(stalled.send(new Uint8Array(8192))))
        const flow = yield* open
        yield* flow.send(Uint8Array.of(1))
        for (let i = 0; i < 100; i++) {
          yield* flow.send(Uint8Array.of(i))
          assert.strictEqual((yield* soon(flow.receive))[0], i)
        }
      })
    )

    it.live(
      "flows that are busy both ways go on, however many they are",
      () =>
        Effect.gen(function* () {
          const count = 40
          const message = new Uint8Array(20_000)
          const bothWays = (flow: Flow<Uint8Array, Uint8Array>) =>
            Effect.gen(function* () {
              let heard = 0
              const sending = Effect.andThen(Effect.repeat(flow.send(message), { times: count - 1 }), flow.end)
              const hearing = Stream.runForEach(flow.batches, (batch) =>
                Effect.sync(() => {
                  heard += batch.length
                })
              )
              yield* Effect.all([sending, hearing], { concurrency: 2 })
              return heard
            })
          const { open } = yield* expose(bytes, bothWays)
          const heard = yield* Effect.forEach(
            Array.from({ length: 300 }),
            () => Effect.scoped(Effect.flatMap(open, bothWays)),
            { concurrency: "unbounded" }
          ).pipe(Effect.timeout("50 seconds"))
          assert.deepStrictEqual(
            heard,
            Array.from({ length: 300 }, () => count)
          )
        }),
      60_000
    )

    it.live("the endpoint's error reaches the caller, after what it sent before", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(typed, (flow) =>
          Effect.andThen(flow.send({ n: 1, tags: [] }), new Refused({ why: "enough" }))
        )
        const flow = yield* open
        assert.strictEqual((yield* flow.receive).n, 1)
        const exit = yield* Effect.exit(flow.receive)
        assert.deepStrictEqual(exit, Exit.fail(new Refused({ why: "enough" })))
        assert.deepStrictEqual(
          yield* Effect.exit(flow.send({ n: 2, tags: [] })),
          Exit.fail(new Refused({ why: "enough" }))
        )
      })
    )

    /** Every size of an error that the ways of a frame, of several and of a message treat otherwise. */
    const errorsOf = (bytes: ReadonlyArray<number>) =>
      Effect.gen(function* () {
        const logged: Array<string> = []
        const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
          if (logLevel === "Error") logged.push(String(message))
        })
        const failing = Contract.make("failing", { input: Schema.Number, output: Schema.Number, error: Refused })
        /** Its text is `{"_tag":"Refused","why":".."}`. */
        const errorOf = (bytes: number) =>
          new Refused({ why: "x".repeat(bytes - '{"_tag":"Refused","why":""}'.length) })
        const handler: Handler<number, number, Refused, never> = (flow) =>
          flow.receive.pipe(
            Effect.orDie,
            Effect.tap((bytes) => Effect.orDie(flow.send(bytes))),
            Effect.flatMap((bytes) => Effect.fail(errorOf(bytes)))
          )
        const loggers = Context.make(Logger.CurrentLoggers, new Set([logger]))
        const { open } = yield* expose(failing, handler, {}, loggers)
        const told = yield* Effect.forEach(bytes, (bytes) =>
          Effect.scoped(
            Effect.gen(function* () {
              const flow = yield* open
              yield* flow.send(bytes)
              assert.strictEqual(yield* soon(flow.receive), bytes)
              return { exit: yield* Effect.exit(soon(Stream.runDrain(flow.messages))), error: errorOf(bytes) }
            })
          )
        )
        return { told, logged }
      })

    it.live("the endpoint's error reaches the caller, whatever frames it takes", () =>
      Effect.gen(function* () {
        const { frameBytesMax, messageBytesMax } = config.limits
        const { logged, told } = yield* errorsOf([
          ...[100, frameBytesMax, Limits.wholeErrorBytesMax, Limits.wholeErrorBytesMax + 1, 3 * frameBytesMax],
          ...[500_000, messageBytesMax]
        ])
        for (const { error, exit } of told) {
          const got = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
          assert.instanceOf(got, Refused, String(got).slice(0, 200))
          assert.isTrue(got instanceof Refused && got.why === error.why)
        }
        assert.deepStrictEqual(logged, [])
      })
    )

    it.live("an endpoint's error above the limit of a message is logged, and its caller told so", () =>
      Effect.gen(function* () {
        const { messageBytesMax } = config.limits
        const { logged, told } = yield* errorsOf([messageBytesMax + 1, messageBytesMax + 100_000])
        for (const { exit } of told) {
          assert.strictEqual(reasonOf(exit), "FlowReset")
          assert.include(String(exit), `at most ${messageBytesMax} are allowed`)
        }
        assert.strictEqual(logged.length, 2)
        for (const line of logged)
          assert.include(line, `the handler of "failing" for host "client" failed with an error of`)
      })
    )

    it.live("a handler that dies resets the flow and tells nothing", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, () => Effect.die("a secret"))
        const flow = yield* open
        const exit = yield* Effect.exit(soon(flow.receive))
        assert.strictEqual(reasonOf(exit), "FlowReset")
        assert.notInclude(String(exit), "secret")
      })
    )

    it.live("cancelling the caller reaches the handler", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<void>()
        const ended = yield* Deferred.make<string>()
        const { open } = yield* expose(bytes, (flow) =>
          flow.receive.pipe(
            Effect.andThen(Deferred.succeed(heard, undefined)),
            Effect.andThen(flow.receive),
            Effect.onExit((exit) => Deferred.succeed(ended, reasonOf(exit))),
            Effect.ignore
          )
        )
        const calling = yield* Effect.forkChild(
          Effect.scoped(
            Effect.gen(function* () {
              const flow = yield* open
              yield* flow.send(Uint8Array.of(1))
              yield* Effect.never
            })
          )
        )
        yield* soon(Deferred.await(heard))
        yield* Fiber.interrupt(calling)
        assert.strictEqual(yield* soon(Deferred.await(ended)), "FlowReset")
      })
    )

    it.live("a handler that does not look at its flow is interrupted after its grace", () =>
      Effect.gen(function* () {
        const begun = yield* Deferred.make<void>()
        const interrupted = yield* Deferred.make<void>()
        const { open } = yield* expose(bytes, () =>
          Effect.andThen(Deferred.succeed(begun, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
          )
        )
        yield* Effect.scoped(Effect.andThen(open, soon(Deferred.await(begun))))
        yield* soon(Deferred.await(interrupted))
      })
    )

    it.live("sending to an endpoint that has finished is FlowClosed", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, (flow) => Effect.ignore(flow.receive))
        const flow = yield* open
        yield* flow.send(Uint8Array.of(1))
        assert.deepStrictEqual(yield* soon(Stream.runCollect(flow.messages)), [])
        const exit = yield* soon(Effect.exit(Effect.forever(flow.send(Uint8Array.of(2)))))
        assert.strictEqual(reasonOf(exit), "FlowClosed")
      })
    )

    it.live("the death of the peer is PeerLost; what came before is delivered", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<void>()
        const { open, wire } = yield* expose(bytes, (flow) =>
          flow.send(Uint8Array.of(5)).pipe(
            Effect.andThen(flow.receive),
            Effect.andThen(Deferred.succeed(heard, undefined)),
            Effect.andThen(Effect.never),
            Effect.catchIf(Cause.isDone, () => Effect.void)
          )
        )
        const flow = yield* open
        assert.deepStrictEqual([...(yield* flow.receive)], [5])
        yield* flow.send(Uint8Array.of(1))
        yield* soon(Deferred.await(heard))
        yield* wire.kill
        const exit = yield* Effect.exit(soon(flow.receive))
        assert.strictEqual(reasonOf(exit), "PeerLost")
        const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
        assert.propertyVal(error, "delivered", "maybe")
        assert.strictEqual(reasonOf(yield* Effect.exit(flow.send(Uint8Array.of(1)))), "PeerLost")
      })
    )

    it.live("delivered is no while nothing was sent", () =>
      Effect.gen(function* () {
        const { open, wire } = yield* expose(bytes, () => Effect.never)
        const flow = yield* open
        yield* wire.kill
        const exit = yield* Effect.exit(soon(flow.receive))
        const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
        assert.propertyVal(error, "delivered", "no")
      })
    )

    it.live("an endpoint that is no longer exposed resets its flows", () =>
      Effect.gen(function* () {
        const { open, close } = yield* expose(bytes, () => Effect.never)
        const flow = yield* open
        yield* close
        assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.receive))), "FlowReset")
      })
    )

    /** An endpoint whose handlers say how many they are, and go one at a time. */
    const turnstile = (bounds: Partial<Serving.Config>) =>
      Effect.gen(function* () {
        const state = { now: 0, most: 0, served: 0 }
        const turns = yield* Queue.unbounded<void>()
        const far = yield* expose(
          bytes,
          (flow) =>
            Effect.gen(function* () {
              state.now += 1
              state.most = Math.max(state.most, state.now)
              state.served += 1
              yield* Effect.ensuring(
                Queue.take(turns),
                Effect.sync(() => {
                  state.now -= 1
                })
              )
              yield* flow.send(Uint8Array.of(1))
            }),
          bounds
        )
        const until = (holds: () => boolean) => soon(Effect.repeat(Effect.sleep("5 millis"), { until: holds }))
        return { ...far, state, until, go: Queue.offer(turns, undefined) }
      })

    it.live("accepting: so many handlers at a time, the others wait for their turn and get it in order", () =>
      Effect.gen(function* () {
        const { go, open, seen, state, until } = yield* turnstile({ concurrency: 2, backlog: 3 })
        const order: Array<number> = []
        for (let i = 0; i < 5; i++) {
          yield* Effect.forkScoped(
            Effect.gen(function* () {
              const flow = yield* open
              order.push(i)
              yield* flow.receive
            })
          )
          yield* until(() => seen.asked === i + 1 && state.served === Math.min(i + 1, 2))
        }
        for (let served = 3; served <= 5; served++) {
          assert.strictEqual(state.served, served - 1)
          yield* go
          yield* until(() => state.served === served)
        }
        yield* until(() => order.length === 5)
        assert.strictEqual(state.most, 2)
        assert.deepStrictEqual(order, [0, 1, 2, 3, 4])
      })
    )

    it.live("accepting: a full backlog is EndpointBusy at once, and a caller that gives up leaves its place", () =>
      Effect.gen(function* () {
        const { go, open, seen, state, until } = yield* turnstile({ concurrency: 1, backlog: 1 })
        const call = Effect.scoped(Effect.flatMap(open, (flow) => flow.receive))
        yield* open
        yield* until(() => state.served === 1)
        const waiting = yield* Effect.forkChild(call)
        yield* until(() => seen.asked === 2)
        assert.strictEqual(reasonOf(yield* soon(Effect.exit(call))), "EndpointBusy")
        yield* Fiber.interrupt(waiting)
        yield* until(() => seen.gone === 2)
        const next = yield* Effect.forkChild(call)
        yield* until(() => seen.asked === 4)
        yield* go
        yield* until(() => state.served === 2)
        yield* go
        assert.deepStrictEqual([...(yield* soon(Fiber.join(next)))], [1])
        assert.strictEqual(state.most, 1)
      })
    )

    it.live("draining: no new flow, those that wait are told, those in progress finish", () =>
      Effect.gen(function* () {
        const { endpoint, go, open, seen, state, until } = yield* turnstile({ concurrency: 1, backlog: 1 })
        const flow = yield* open
        yield* until(() => state.served === 1)
        const waiting = yield* Effect.forkChild(Effect.exit(Effect.scoped(open)))
        yield* until(() => seen.asked === 2)
        yield* endpoint.stop
        assert.strictEqual(reasonOf(yield* soon(Fiber.join(waiting))), "EndpointNotFound")
        assert.strictEqual(reasonOf(yield* soon(Effect.exit(Effect.scoped(open)))), "EndpointNotFound")
        const idle = yield* Effect.forkChild(endpoint.idle)
        yield* go
        assert.deepStrictEqual([...(yield* soon(flow.receive))], [1])
        yield* flow.end
        yield* soon(Fiber.join(idle))
        assert.strictEqual(state.served, 1)
      })
    )

    it.live("a deadline ends the flow on both sides, after what came before it", () =>
      Effect.gen(function* () {
        const ended = yield* Deferred.make<string>()
        const { openAs } = yield* expose(bytes, (flow) =>
          Effect.andThen(flow.send(Uint8Array.of(5)), Effect.forever(flow.receive)).pipe(
            Effect.onExit((exit) => Deferred.succeed(ended, reasonOf(exit))),
            Effect.ignore
          )
        )
        const deadlineAt = (yield* Monotonic.now) + 200
        const flow = yield* openAs(bytes, { deadlineAt })
        yield* Effect.sleep("300 millis")
        assert.deepStrictEqual([...(yield* flow.receive)], [5])
        assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.receive))), "DeadlineExceeded")
        assert.strictEqual(reasonOf(yield* Effect.exit(flow.send(Uint8Array.of(1)))), "DeadlineExceeded")
        assert.strictEqual(yield* soon(Deferred.await(ended)), "DeadlineExceeded")
      })
    )

    it.live("a deadline is also kept by an endpoint whose caller does not keep it", () =>
      Effect.gen(function* () {
        const { wire } = yield* expose(bytes, () => Effect.never)
        const link = pull(yield* wire.dial)
        const open = { endpoint: "bytes", wireVersion: 1, contract: 0n, codec: "", caller: "", host: "" }
        yield* link.write({ _tag: "Open", ...open, deadlineMillis: 100 })
        assert.strictEqual((yield* soon(link.read))._tag, "Accepted")
        const last = yield* soon(link.read)
        assert.strictEqual(last._tag === "Fail" ? last.reason : last._tag, "DeadlineExceeded")
      })
    )

    it.live("a deadline that is kept says nothing", () =>
      Effect.gen(function* () {
        const { openAs } = yield* expose(bytes, echo)
        const flow = yield* openAs(bytes, { deadlineAt: (yield* Monotonic.now) + 60_000 })
        yield* flow.send(Uint8Array.of(1))
        yield* flow.end
        assert.strictEqual((yield* soon(Stream.runCollect(flow.messages))).length, 1)
      })
    )

    it.live("the handler's span is a child of the caller's, and its own flows carry the trace on", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<readonly [Tracer.Span, Frame.Trace | undefined]>()
        const { open } = yield* expose(bytes, () =>
          Effect.all([Effect.orDie(Effect.currentSpan), Trace.current]).pipe(
            Effect.flatMap((found) => Deferred.succeed(heard, found))
          )
        )
        const state = "vendor=1"
        const outer = { parent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, state }
        const caller = yield* Effect.andThen(open, Effect.orDie(Effect.currentSpan)).pipe(
          Effect.withSpan("caller"),
          Effect.provideServiceEffect(Tracer.ParentSpan, Trace.begin("outer", outer))
        )
        const [span, onward] = yield* soon(Deferred.await(heard))
        const parent = Option.getOrUndefined(span.parent)
        assert.strictEqual(parent?.spanId, caller.spanId)
        assert.strictEqual(span.traceId, "a".repeat(32))
        assert.strictEqual(caller.traceId, span.traceId)
        assert.deepStrictEqual(onward, { parent: `00-${span.traceId}-${span.spanId}-01`, state })
      })
    )

    it.live("a caller without a trace gets a handler at the root of one", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<Tracer.Span>()
        const { open } = yield* expose(bytes, () =>
          Effect.flatMap(Effect.orDie(Effect.currentSpan), (span) => Deferred.succeed(heard, span))
        )
        yield* open
        assert.isTrue(Option.isNone((yield* soon(Deferred.await(heard))).parent))
      })
    )

    it.live("a path is handed to the endpoint; a flow that comes back, or passed a ninth host, is refused", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<ReadonlyArray<string>>()
        const { openAs } = yield* expose(bytes, (flow) => Deferred.succeed(heard, flow.peer.path))
        const through = (path: ReadonlyArray<string>) =>
          Effect.map(Effect.exit(Effect.scoped(openAs(bytes, { path }))), reasonOf)
        const eight = Array.from({ length: 8 }, (_, i) => `gateway-${i}`)
        assert.strictEqual(yield* through(["other", "server"]), "HostUnreachable")
        assert.strictEqual(yield* through([...eight, "ninth"]), "HostUnreachable")
        yield* openAs(bytes, { path: eight })
        assert.deepStrictEqual(yield* soon(Deferred.await(heard)), eight)
      })
    )

    /** Both ends of a link that carries no flow. */
    const bareLink = Effect.gen(function* () {
      const wire = yield* makeWire
      const served = yield* Deferred.make<Link>()
      yield* wire.serve((link) => Effect.andThen(Deferred.succeed(served, link), Effect.never))
      const near = yield* wire.dial
      return { near, far: yield* soon(Deferred.await(served)), kill: wire.kill }
    })

    /** Listens at an end, and writes down what it hears. It takes so many frames, and then does what it is told to. */
    const listenAt = (link: Link, takes: number, then: (listener: FrameListener) => boolean) => {
      const heard = { counts: [] as Array<number>, ends: [] as Array<string>, breaks: 0 }
      const listener: FrameListener = {
        onFrame: (frame) => {
          heard.counts.push(frame._tag === "End" ? frame.count : -1)
          return heard.counts.length % takes === 0 ? then(listener) : true
        },
        onEnd: (how) => {
          const ended = how()
          heard.ends.push(Cause.isDone(ended) ? "done" : ended.how)
        },
        onBroken: () => {
          heard.breaks += 1
        },
        onRoom: () => {}
      }
      link.attach(listener)
      return heard
    }
    const counted = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i): Frame.Frame => ({ _tag: "End", count: from + i }))
    const until = (holds: () => boolean) => soon(Effect.repeat(Effect.sleep("5 millis"), { until: holds }))

    it.live("a link: each side has room for its first frame, before anybody goes on", () =>
      Effect.gen(function* () {
        const { far, near } = yield* bareLink
        for (const [here, there, count] of [
          [near, far, 1],
          [far, near, 2]
        ] as const) {
          const heard = listenAt(there, 9, () => true)
          const frames = counted(count, count)
          here.fill(() => frames.pop())
          assert.deepStrictEqual([frames, heard.counts], [[], []])
          there.goOn()
          yield* until(() => heard.counts.length > 0)
          assert.deepStrictEqual(heard.counts, [count])
        }
      })
    )

    it.live("a link: a listener hears nothing before it goes on, or while it holds, and then all in order", () =>
      Effect.gen(function* () {
        const { far, near } = yield* bareLink
        const heard = listenAt(far, 2, () => false)
        const { finish, write } = pull(near)
        yield* Effect.forkScoped(Effect.andThen(Effect.forEach(counted(1, 5), write), finish))
        for (const so of [[], [1, 2], [1, 2, 3, 4], [1, 2, 3, 4, 5]]) {
          yield* until(() => heard.counts.length >= so.length)
          yield* Effect.sleep("20 millis")
          assert.deepStrictEqual([heard.counts, heard.ends], [so, so.length < 5 ? [] : ["done"]])
          far.goOn()
        }
      })
    )

    it.live("a link: who has detached hears nothing more, and the next listener hears the rest and the end, once", () =>
      Effect.gen(function* () {
        const { far, near } = yield* bareLink
        const first = listenAt(far, 2, (listener) => {
          far.detach(listener)
          return true
        })
        far.goOn()
        const { finish, write } = pull(near)
        yield* Effect.forkScoped(Effect.andThen(Effect.forEach(counted(1, 5), write), finish))
        yield* until(() => first.counts.length === 2)
        yield* Effect.sleep("20 millis")
        const second = listenAt(far, 9, () => true)
        far.goOn()
        yield* until(() => second.ends.length > 0)
        far.goOn()
        far.finish()
        yield* Effect.sleep("20 millis")
        assert.deepStrictEqual([first.counts, first.ends], [[1, 2], []])
        assert.deepStrictEqual([second.counts, second.ends], [[3, 4, 5], ["done"]])
      })
    )

    it.live(
      "a link: a listener that goes on, or leaves it to another, while it hears a frame is taken at its word",
      () =>
        Effect.gen(function* () {
          const { far, near } = yield* bareLink
          let next: ReturnType<typeof listenAt> | undefined
          const first = listenAt(far, 1, () => {
            if (first.counts.length === 2) next = listenAt(far, 9, () => true)
            far.goOn()
            return false
          })
          far.goOn()
          const { finish, write } = pull(near)
          yield* Effect.forkScoped(Effect.andThen(Effect.forEach(counted(1, 4), write), finish))
          yield* until(() => next !== undefined && next.ends.length > 0)
          assert.deepStrictEqual([first.counts, first.ends], [[1, 2], []])
          assert.deepStrictEqual([next?.counts, next?.ends], [[3, 4], ["done"]])
        })
    )

    it.live(
      "a link: its break is the end, once for each who listens and goes on, and who writes hears of it, too",
      () =>
        Effect.gen(function* () {
          const { kill, near } = yield* bareLink
          const first = listenAt(near, 9, () => true)
          near.goOn()
          yield* kill
          yield* until(() => first.ends.length > 0 && near.isBroken())
          near.goOn()
          yield* Effect.sleep("20 millis")
          assert.deepStrictEqual([first.counts, first.ends], [[], ["lost"]])
          const second = listenAt(near, 9, () => true)
          assert.deepStrictEqual([second.ends, second.breaks], [[], 0])
          near.fill(() => counted(1, 1)[0])
          assert.strictEqual(second.breaks, 1)
          near.goOn()
          near.goOn()
          assert.deepStrictEqual([first.ends, second.ends], [["lost"], ["lost"]])
        })
    )

    it.live("opening: a typed reason for each refusal", () =>
      Effect.gen(function* () {
        const { openAs } = yield* expose(typed, () => Effect.never)
        const exitOf = <I, O, E>(asked: Contract.Contract<I, O, E>) => Effect.exit(Effect.scoped(openAs(asked)))
        const other = { input: Codec.bytes, output: Codec.bytes }
        assert.strictEqual(reasonOf(yield* exitOf(Contract.make("nobody", other))), "EndpointNotFound")
        assert.strictEqual(reasonOf(yield* exitOf(Contract.make("typed", other))), "Incompatible")
        assert.strictEqual(reasonOf(yield* exitOf(Contract.make("not a name", other))), "NameInvalid")
        const renamed = { input: Schema.Struct({ m: Schema.Number }), output: Schema.Struct({ n: Schema.Number }) }
        assert.strictEqual(reasonOf(yield* exitOf(Contract.make("typed", renamed))), "Incompatible")
      })
    )

    it.live("a message that does not fit the contract is not sent, and the flow goes on", () =>
      Effect.gen(function* () {
        const checked = Contract.make("checked", { input: Schema.NonEmptyString, output: Schema.String })
        const { open } = yield* expose(checked, (flow) => Stream.runForEach(flow.messages, flow.send))
        const flow = yield* open
        assert.strictEqual(reasonOf(yield* Effect.exit(flow.send(""))), "MalformedMessage")
        yield* flow.send("good")
        assert.strictEqual(yield* flow.receive, "good")
      })
    )

    interface Nested {
      readonly value: number | string
      readonly within: Nested | null
    }
    const Nested: Schema.Codec<Nested, unknown> = Schema.Struct({
      value: Schema.Union([Schema.Number, Schema.String]),
      within: Schema.NullOr(Schema.suspend((): Schema.Codec<Nested, unknown> => Nested))
    })
    const nested = Contract.make("nested", { input: Nested, output: Nested })
    const nest = (depth: number): Nested => {
      let all: Nested = { value: 1, within: null }
      for (let i = 0; i < depth; i++) all = { value: i, within: all }
      return all
    }

    it.live("a message that is nested too deeply, or would be another one, is not sent, and the flow goes on", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(nested, echo)
        const flow = yield* open
        const refused: ReadonlyArray<Nested> = [nest(200_000), { value: "NaN", within: null }]
        for (const message of refused) {
          assert.strictEqual(reasonOf(yield* Effect.exit(flow.send(message))), "MalformedMessage")
          assert.strictEqual(reasonOf(yield* Effect.exit(flow.sendAll([message]))), "MalformedMessage")
        }
        const sent: ReadonlyArray<Nested> = [
          nest(50),
          { value: "1", within: null },
          { value: Number.NaN, within: null }
        ]
        yield* flow.sendAll(sent)
        yield* flow.end
        assert.deepStrictEqual(yield* soon(Stream.runCollect(flow.messages)), sent)
      })
    )

    it.live("a message that is nested too deeply fails the flow of whoever reads it, and no other one", () =>
      Effect.gen(function* () {
        const handler = yield* Deferred.make<string>()
        const { open, openAs } = yield* expose(nested, (flow) =>
          echo(flow).pipe(Effect.onExit((exit) => Deferred.succeed(handler, reasonOf(exit))))
        )
        const good = yield* open
        const forged = yield* openAs({ ...bytes, name: "nested", codec: "", fingerprint: 0n })
        const depth = 50_000
        const text = `${'{"value":1,"within":'.repeat(depth)}null${"}".repeat(depth)}`
        yield* forged.send(new TextEncoder().encode(text))
        yield* forged.end
        assert.strictEqual(reasonOf(yield* Effect.exit(soon(forged.receive))), "MalformedMessage")
        assert.strictEqual(yield* soon(Deferred.await(handler)), "MalformedMessage")
        yield* good.send(nest(1))
        assert.deepStrictEqual(yield* soon(good.receive), nest(1))
      })
    )

    it.live("a message above the limit is not sent, and the flow goes on", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, echo)
        const flow = yield* open
        const exit = yield* Effect.exit(flow.send(new Uint8Array(config.limits.messageBytesMax + 1)))
        assert.strictEqual(reasonOf(exit), "MessageTooLarge")
        yield* flow.send(Uint8Array.of(1))
        assert.strictEqual((yield* flow.receive).length, 1)
      })
    )

    it.live("a typed message above the limit, as its text, is not sent, and the flow goes on", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(typed, echo)
        const flow = yield* open
        const { messageBytesMax } = config.limits
        const message = (length: number) => ({ n: 1, tags: ["\u0001".repeat(length)] })
        assert.strictEqual(reasonOf(yield* Effect.exit(flow.send(message(messageBytesMax / 6)))), "MessageTooLarge")
        yield* flow.send(message(messageBytesMax / 7))
        assert.deepStrictEqual(yield* soon(flow.receive), message(messageBytesMax / 7))
      })
    )

    it.live("a limit of a few bytes is one of the text, too", () =>
      Effect.gen(function* () {
        const wire = yield* makeWire
        const limits = { ...config.limits, messageBytesMax: 20 }
        yield* exposeAt(wire, typed, echo)
        const flow = yield* Effect.flatMap(wire.dial, (link) =>
          Opening.open(link, typed, { caller: "client", host: wire.host, limits })
        ).pipe(Effect.map(started))
        const text = (length: number) => `{"n":1,"tags":["${"a".repeat(length)}"]}`
        const fits = 20 - text(0).length
        yield* flow.send({ n: 1, tags: ["a".repeat(fits)] })
        assert.deepStrictEqual(yield* soon(flow.receive), { n: 1, tags: ["a".repeat(fits)] })
        const exit = yield* Effect.exit(flow.send({ n: 1, tags: ["a".repeat(fits + 1)] }))
        assert.strictEqual(reasonOf(exit), "MessageTooLarge")
      })
    )

    it.live("a stalled reader of typed messages stops the sender, too", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(typed, () => Effect.never)
        const flow = yield* open
        let sentBytes = 0
        const message = { n: 1, tags: ["a".repeat(1000)] }
        yield* Effect.forkChild(
          Effect.forever(
            Effect.tap(flow.send(message), () =>
              Effect.sync(() => {
                sentBytes += JSON.stringify(message).length
              })
            )
          )
        )
        let before = -1
        while (sentBytes === 0 || before !== sentBytes) {
          before = sentBytes
          yield* Effect.sleep("200 millis")
        }
        assert.isAtMost(sentBytes, Limits.stalledBytesMax(config.limits) + 2 * JSON.stringify(message).length)
      })
    )

    it.live("whoever reads typed messages by another codec gets their text", () =>
      Effect.gen(function* () {
        const { openAs } = yield* expose(bytes, echo)
        const flow = yield* openAs({ ...typed, name: "bytes", codec: "", fingerprint: 0n })
        const message = { n: 1, tags: ["a", "\ud800"] }
        yield* flow.sendAll([message, message])
        assert.deepStrictEqual(yield* soon(flow.receive), message)
        assert.deepStrictEqual(yield* soon(flow.receive), message)
      })
    )

    it.live("a message that cannot be decoded fails that flow only, on both sides", () =>
      Effect.gen(function* () {
        const handler = yield* Deferred.make<string>()
        const { open, openAs } = yield* expose(typed, (flow) =>
          flow.messages.pipe(
            Stream.runForEach(flow.send),
            Effect.onExit((exit) => Deferred.succeed(handler, reasonOf(exit)))
          )
        )
        const good = yield* open
        const forged = yield* openAs({ ...bytes, name: "typed", codec: "", fingerprint: 0n })
        yield* forged.send(new TextEncoder().encode('{"n":"one"}'))
        assert.strictEqual(reasonOf(yield* Effect.exit(soon(forged.receive))), "MalformedMessage")
        assert.strictEqual(yield* soon(Deferred.await(handler)), "MalformedMessage")
        yield* good.send({ n: 4, tags: [] })
        assert.strictEqual((yield* soon(good.receive)).n, 4)
      })
    )
  })

  deliveredLaws(name, makeWire)
  handlerLaws(name, makeWire)
  exchangeLaws(name, makeWire)
}
