/**
 * The laws of how a flow ends, for every transport: by its scope, by a reader that leaves early, by what fails late.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Deferred, Effect, Exit, Fiber, Random, Schema, Scope, Stream } from "effect"
import * as Monotonic from "../../src/layers/core/Monotonic.ts"
import * as Timeouts from "../../src/layers/core/Timeouts.ts"
import * as Dialling from "../../src/layers/fabric/Dialling.ts"
import * as Answering from "../../src/layers/flow/Answering.ts"
import * as Serving from "../../src/layers/flow/Serving.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"
import type { Handler } from "../../src/services/Fabric.ts"
import type { Flow } from "../../src/services/Flow.ts"
import type { NetworkError } from "../../src/services/NetworkError.ts"
import { Refused, type Wire } from "./flow.ts"
import { pull } from "./Pulled.ts"
import { readers } from "./Readers.ts"
import { reasonOf } from "./Reasons.ts"
import { started } from "./Started.ts"

const bytes = Contract.make("bytes", { input: Codec.bytes, output: Codec.bytes })
const numbers = Contract.make("numbers", { input: Schema.Number, output: Schema.Number, error: Refused })

/** The same endpoint for whoever sends and reads whatever bytes it likes, and the other way round. */
const rawNumbers = { ...bytes, name: numbers.name, codec: "", fingerprint: 0n }
const numbersOfBytes = { ...numbers, name: bytes.name, codec: "", fingerprint: 0n }

const config: Serving.Config = { ...Serving.defaults, handlerGrace: "50 millis" }

const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "5 seconds")

const one = Uint8Array.of(1)

const below = (random: typeof Random.Random.Service, bound: number): number =>
  Math.floor(random.nextDoubleUnsafe() * bound)

/** What each operation of a flow gives. */
const each = Effect.fnUntraced(function* (flow: Flow<Uint8Array, Uint8Array>) {
  const operations: Record<string, Effect.Effect<unknown, unknown>> = {
    receive: flow.receive,
    receiveAll: flow.receiveAll,
    messages: Stream.runDrain(flow.messages),
    batches: Stream.runDrain(flow.batches),
    send: flow.send(one),
    sendAll: flow.sendAll([one]),
    "sendAll of none": flow.sendAll([]),
    "send too much": flow.send(new Uint8Array(config.limits.messageBytesMax + 1)),
    sink: Stream.run(Stream.make(one), flow.sink),
    end: flow.end
  }
  const gave: Record<string, string> = {}
  for (const [name, operation] of Object.entries(operations))
    gave[name] = reasonOf(yield* Effect.exit(Effect.timeout(operation, "1 second")))
  return gave
})

const allClosed = {
  ...{ receive: "FlowClosed", receiveAll: "FlowClosed", messages: "FlowClosed", batches: "FlowClosed" },
  ...{ send: "FlowClosed", sendAll: "FlowClosed", "sendAll of none": "FlowClosed", "send too much": "FlowClosed" },
  ...{ sink: "FlowClosed", end: "FlowClosed" }
}

export const endingLaws = (name: string, makeWire: Effect.Effect<Wire, NetworkError, Scope.Scope>) => {
  /** Serves an endpoint at the far host, and gives the way in which a fabric opens flows to it. */
  const expose = <In, Out, E>(contract: Contract.Contract<In, Out, E>, handler: Handler<In, Out, E, never>) =>
    Effect.gen(function* () {
      const wire = yield* makeWire
      const endpoint = Serving.expose(contract, handler, { context: Context.empty(), config })
      const opening = yield* Timeouts.make(config.openTimeout)
      const find = (asked: string) => (asked === contract.name ? endpoint : undefined)
      yield* wire.serve((link) => Answering.answer(link, { self: "server", find, opening }))
      const fabric = { selfId: "client", dial: () => wire.dial, answer: () => Effect.void, limits: config.limits }
      const flows = yield* Dialling.make(fabric)
      yield* Effect.addFinalizer(() => flows.settle)
      const openAs = <I, O, Err>(asked: Contract.Contract<I, O, Err>) =>
        Effect.map(flows.open(wire.host, asked), started)
      return { wire, openAs, open: openAs(contract) }
    })

  /** A handler that says what it has, and listens until its caller has ended. */
  const speaker = (flow: Flow<Uint8Array, Uint8Array>) =>
    Effect.andThen(flow.sendAll([one, one]), Stream.runDrain(flow.messages))

  describe(`laws of endings: ${name}`, () => {
    const ways: ReadonlyArray<
      readonly [
        string,
        (flow: Flow<Uint8Array, Uint8Array>) => Effect.Effect<unknown, unknown>,
        Exit.Exit<void, string>
      ]
    > = [
      ["untouched", () => Effect.void, Exit.void],
      ["read in part", ({ receive }) => receive, Exit.void],
      ["ended", ({ end }) => end, Exit.void],
      ["ended and read to the end", (flow) => Effect.andThen(flow.end, Stream.runDrain(flow.messages)), Exit.void],
      ["with a failure", () => Effect.void, Exit.fail("a failure")],
      ["ended, and then with a failure", ({ end }) => end, Exit.fail("a failure")]
    ]

    it.live.each(ways)("its scope is its lifetime: left %s, every operation is FlowClosed at once", ([, use, exit]) =>
      Effect.gen(function* () {
        const { open } = yield* expose(bytes, speaker)
        const scope = yield* Scope.make()
        const flow = yield* Scope.provide(open, scope)
        yield* use(flow)
        yield* Scope.close(scope, exit)
        assert.deepStrictEqual(yield* each(flow), allClosed)
      })
    )

    it.live.each(ways.map(([how, , exit]) => [how, exit] as const))(
      "its scope is its lifetime: left %s, what waits is FlowClosed at once",
      ([how, exit]) =>
        Effect.gen(function* () {
          const { open } = yield* expose(bytes, () => Effect.never)
          const scope = yield* Scope.make()
          const flow = yield* Scope.provide(open, scope)
          const fork = (waiting: Effect.Effect<unknown, unknown>) =>
            Effect.forkChild(Effect.exit(waiting), { startImmediately: true })
          const message = new Uint8Array(100_000)
          const waiting = [
            yield* fork(flow.receive),
            yield* fork(Stream.runDrain(flow.messages)),
            yield* fork(Stream.runDrain(flow.batches)),
            yield* fork(Effect.forever(flow.send(message))),
            yield* fork(Effect.forever(flow.sendAll([message, message]))),
            yield* fork(Stream.run(Stream.never, flow.sink)),
            yield* fork(Stream.run(Stream.forever(Stream.make(message)), flow.sink))
          ]
          yield* Effect.sleep("100 millis")
          if (how.startsWith("ended")) yield* flow.end
          yield* Scope.close(scope, exit)
          for (const fiber of waiting) assert.strictEqual(reasonOf(yield* soon(Fiber.join(fiber))), "FlowClosed")
        })
    )

    it.live("its scope is its lifetime: what a caller sent before it ended and left still arrives", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<number>()
        const { open } = yield* expose(bytes, (flow) =>
          Effect.andThen(
            Effect.sleep("100 millis"),
            Effect.flatMap(Stream.runCollect(flow.messages), ({ length }) => Deferred.succeed(heard, length))
          )
        )
        const scope = yield* Scope.make()
        const flow = yield* Scope.provide(open, scope)
        for (let i = 0; i < 100; i++) yield* flow.send(one)
        yield* flow.end
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(reasonOf(yield* Effect.exit(flow.receive)), "FlowClosed")
        assert.strictEqual(yield* soon(Deferred.await(heard)), 100)
      })
    )

    it.live("who leaves in the middle says so, and the other side need not guess", () =>
      Effect.gen(function* () {
        const told = yield* Deferred.make<string>()
        const { open } = yield* expose(bytes, (flow) =>
          Effect.andThen(
            flow.send(one),
            Effect.tapError(Stream.runDrain(flow.messages), ({ message }) => Deferred.succeed(told, message))
          )
        )
        yield* Effect.scoped(Effect.flatMap(open, ({ receive }) => receive))
        assert.include(yield* soon(Deferred.await(told)), "the caller has left")
      })
    )

    it.live("the scope of its handler is its lifetime there", () =>
      Effect.gen(function* () {
        const kept = yield* Deferred.make<Flow<Uint8Array, Uint8Array>>()
        const waited = yield* Deferred.make<string>()
        const { open } = yield* expose(bytes, (flow) =>
          Effect.gen(function* () {
            yield* Deferred.succeed(kept, flow)
            const waiting = Effect.flatMap(Effect.exit(flow.receive), (exit) =>
              Deferred.succeed(waited, reasonOf(exit))
            )
            yield* Effect.forkDetach(waiting, { startImmediately: true })
            yield* flow.send(one)
          })
        )
        const flow = yield* open
        assert.deepStrictEqual(yield* flow.receive, one)
        const there = yield* Deferred.await(kept)
        assert.strictEqual(yield* soon(Deferred.await(waited)), "FlowClosed")
        assert.deepStrictEqual(yield* each(there), allClosed)
      })
    )

    it.live.each(["a", "b", "c"])(
      "a reader that leaves early has taken what it was given, and the next goes on from there, seed %s",
      (seed) =>
        Effect.gen(function* () {
          const count = 30_000
          const { open } = yield* expose(numbers, (flow) =>
            Effect.gen(function* () {
              const random = yield* Random.withSeed(Random.Random, seed)
              for (let sent = 0; sent < count; ) {
                const many = below(random, 2_000) + 1
                const upTo = Math.min(count, sent + many)
                yield* flow.sendAll(Array.from({ length: upTo - sent }, (_, i) => sent + i))
                sent = upTo
                if (below(random, 2) === 0) yield* Effect.yieldNow
              }
            })
          )
          const flow = yield* open
          const random = yield* Random.withSeed(Random.Random, seed)
          const seen: Array<number> = []
          let next = 0
          let by = "nobody"
          const note = (message: number): void => {
            if (message !== next) assert.fail(`${message} in place of ${next}, after ${by}`)
            next += 1
            seen.push(message)
          }
          const names = Object.keys(readers)
          for (let left = 400; left > 0; left--) {
            const name = names[below(random, names.length)] ?? ""
            const reader = readers[name]
            const exit = yield* Effect.exit(soon(reader?.(flow, note, below(random, 8) + 1) ?? Effect.void))
            if (Exit.isFailure(exit)) {
              assert.strictEqual(reasonOf(exit), "Done", name)
              break
            }
            by = name
          }
          yield* soon(Stream.runForEach(flow.messages, (message) => Effect.sync(() => note(message))))
          assert.strictEqual(next, count)
        })
    )

    it.live("batches are of all that waits, and end with the flow", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(numbers, (flow) => flow.sendAll(Array.from({ length: 1_000 }, (_, i) => i)))
        const flow = yield* open
        yield* Effect.sleep("100 millis")
        const batches = yield* soon(Stream.runCollect(flow.batches))
        assert.deepStrictEqual(
          batches.flat(),
          Array.from({ length: 1_000 }, (_, i) => i)
        )
        assert.isAtMost(batches.length, 10)
      })
    )

    it.live.each(["0 millis", "50 millis"] as const)(
      "a handler that fails %s after its end is told to a caller that has ended and reads to the end",
      (pause) =>
        Effect.gen(function* () {
          const { open } = yield* expose(numbers, (flow) =>
            flow
              .send(1)
              .pipe(
                Effect.andThen(flow.end),
                Effect.andThen(pause === "0 millis" ? Effect.void : Effect.sleep(pause)),
                Effect.andThen(new Refused({ why: "late" }))
              )
          )
          const flow = yield* open
          yield* flow.end
          const heard: Array<number> = []
          const reading = Stream.runForEach(flow.messages, (message) => Effect.sync(() => heard.push(message)))
          assert.deepStrictEqual(yield* Effect.exit(soon(reading)), Exit.fail(new Refused({ why: "late" })))
          assert.deepStrictEqual(heard, [1])
          assert.strictEqual(reasonOf(yield* Effect.exit(flow.receive)), "Refused")
        })
    )

    it.live("a handler that fails after its end is told to a caller that still sends", () =>
      Effect.gen(function* () {
        const { open } = yield* expose(numbers, (flow) =>
          Effect.andThen(
            flow.end,
            Stream.runForEach(flow.messages, () => new Refused({ why: "late" }))
          )
        )
        const flow = yield* open
        assert.deepStrictEqual(yield* soon(Stream.runCollect(flow.messages)), [])
        const exit = yield* soon(Effect.exit(Effect.forever(Effect.andThen(flow.send(1), Effect.sleep("5 millis")))))
        assert.deepStrictEqual(exit, Exit.fail(new Refused({ why: "late" })))
        assert.strictEqual(reasonOf(yield* Effect.exit(flow.receive)), "Refused")
      })
    )

    it.live("a caller that has ended sees the end once the handler is done", () =>
      Effect.gen(function* () {
        let isDone = false
        const { open } = yield* expose(numbers, (flow) =>
          Effect.andThen(
            flow.end,
            Effect.delay(
              Effect.sync(() => {
                isDone = true
              }),
              "100 millis"
            )
          )
        )
        const flow = yield* open
        yield* flow.end
        assert.deepStrictEqual(yield* soon(Stream.runCollect(flow.messages)), [])
        assert.isTrue(isDone)
        assert.strictEqual(reasonOf(yield* Effect.exit(flow.receive)), "Done")
      })
    )

    it.live("what does not fit is told by an endpoint that has ended", () =>
      Effect.gen(function* () {
        const { openAs } = yield* expose(numbers, (flow) => Effect.andThen(flow.end, Stream.runDrain(flow.messages)))
        for (const isEnded of [true, false]) {
          const flow = yield* openAs(rawNumbers)
          if (!isEnded) assert.deepStrictEqual(yield* soon(Stream.runCollect(flow.messages)), [])
          yield* flow.send(new TextEncoder().encode('"no number"'))
          if (isEnded) yield* flow.end
          else yield* Effect.sleep("100 millis")
          assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.receive))), "MalformedMessage")
        }
      })
    )

    it.live("what does not fit is told by a caller that has ended: it gives the flow up", () =>
      Effect.gen(function* () {
        const heard = yield* Deferred.make<string>()
        const { openAs } = yield* expose(bytes, (flow) =>
          Effect.onExit(Effect.forever(Effect.andThen(flow.send(one), Effect.sleep("5 millis"))), (exit) =>
            Deferred.succeed(heard, reasonOf(exit))
          )
        )
        const flow = yield* openAs(numbersOfBytes)
        yield* flow.end
        yield* Effect.sleep("50 millis")
        assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.receive))), "MalformedMessage")
        assert.strictEqual(yield* soon(Deferred.await(heard)), "FlowReset")
      })
    )

    it.live("a deadline is told by an endpoint that has ended", () =>
      Effect.gen(function* () {
        const { wire } = yield* expose(bytes, (flow) => Effect.andThen(flow.end, Stream.runDrain(flow.messages)))
        const link = pull(yield* wire.dial)
        const open = { endpoint: "bytes", wireVersion: 1, contract: 0n, codec: "", caller: "", host: "" }
        yield* link.write({ _tag: "Open", ...open, deadlineMillis: 100 })
        const said = [yield* soon(link.read), yield* soon(link.read), yield* soon(link.read)]
        assert.deepStrictEqual(
          said.map((frame) => (frame._tag === "Fail" ? frame.reason : frame._tag)),
          ["Accepted", "End", "DeadlineExceeded"]
        )
        assert.isTrue(Cause.isDone(yield* Effect.flip(soon(link.read))))
      })
    )

    it.live("a deadline bounds the wait for a handler, too", () =>
      Effect.gen(function* () {
        const { open: unbounded, wire } = yield* expose(bytes, (flow) => Effect.andThen(flow.end, Effect.never))
        yield* unbounded
        const fabric = { selfId: "client", dial: () => wire.dial, answer: () => Effect.void, limits: config.limits }
        const flows = yield* Dialling.make(fabric)
        const bounded = { deadlineAt: (yield* Monotonic.now) + 200 }
        const flow = started(yield* flows.open(wire.host, bytes, bounded))
        yield* flow.end
        assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.receive))), "DeadlineExceeded")
      })
    )
  })
}
