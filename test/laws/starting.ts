/**
 * The laws of a flow's beginning and of its endpoint's leaving: a handler starts once its caller has the flow, so at most once
 * for each connect and never for one that failed; and both sides hear that the endpoint is being withdrawn.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option, Queue, Random, Scope, Stream } from "effect"
import * as Timeouts from "../../src/layers/core/Timeouts.ts"
import * as Dialling from "../../src/layers/fabric/Dialling.ts"
import * as FlowServer from "../../src/layers/flow/Serving.ts"
import * as Frame from "../../src/protocol/flow/Frame.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Contract from "../../src/services/Contract.ts"
import type { Handler } from "../../src/services/Fabric.ts"
import type { Flow } from "../../src/services/Flow.ts"
import { NetworkError } from "../../src/services/NetworkError.ts"
import type { Wire } from "./flow.ts"
import { type Pulled, pull } from "./Pulled.ts"
import { errorOf, type Serving, serving, soon } from "./Serving.ts"
import { started } from "./Started.ts"

const bytes = Contract.make("bytes", { input: Codec.bytes, output: Codec.bytes })

type Bytes = Flow<Uint8Array, Uint8Array>

const asking: Frame.Open = {
  ...{ _tag: "Open", endpoint: "bytes", wireVersion: 1, contract: 0n, codec: "", caller: "", host: "" },
  revision: Frame.revision
}

const one = Uint8Array.of(1)

/** Longer than a handler needs to start. */
const pause = Effect.sleep("50 millis")

export const startingLaws = (name: string, makeWire: Effect.Effect<Wire, NetworkError, Scope.Scope>) => {
  /** An endpoint whose handlers are counted as they start, and then run on. */
  const counting = (
    handler: Handler<Uint8Array, Uint8Array, never, never> = (flow) => Stream.runDrain(flow.messages)
  ) =>
    Effect.gen(function* () {
      const starts = yield* Queue.unbounded<void>()
      const far = yield* serving(makeWire, bytes, (flow) =>
        Effect.andThen(
          Effect.sync(() => Queue.offerUnsafe(starts, undefined)),
          handler(flow)
        )
      )
      return { ...far, starts, count: Queue.size(starts) }
    })

  const until = <E, R>(holds: Effect.Effect<boolean, E, R>) =>
    soon(Effect.repeat(Effect.andThen(Effect.sleep("5 millis"), holds), { until: (isTrue) => isTrue }))

  /** What nobody is served at any more. */
  const idle = ({ endpoint }: Pick<Serving<Uint8Array, Uint8Array, never>, "endpoint">) => soon(endpoint.idle)

  const accepted = Effect.fnUntraced(function* (wire: Wire, open: Frame.Open = asking) {
    const link = pull(yield* wire.dial)
    yield* link.write(open)
    assert.strictEqual((yield* soon(link.read))._tag, "Accepted")
    return link
  })

  describe(`the second word: ${name}`, () => {
    const words: ReadonlyArray<readonly [string, Frame.Frame]> = [
      ["Data without a message", Frame.word],
      ["Data", { _tag: "Data", messages: [one], partial: false }],
      ["End", { _tag: "End", count: 0 }]
    ]
    it.live.each(words)("a handler starts with it, and not before: %s", ([, word]) =>
      Effect.gen(function* () {
        const { count, starts, wire } = yield* counting()
        const link = yield* accepted(wire)
        yield* pause
        assert.strictEqual(yield* count, 0)
        yield* link.write(word)
        yield* soon(Queue.take(starts))
      })
    )

    const leavings: ReadonlyArray<readonly [string, (link: Pulled) => Effect.Effect<unknown, unknown>]> = [
      ["a Fail", ({ write }) => write(Frame.fail("Reset", "changed its mind"))],
      ["a reset", ({ cancel }) => cancel(Frame.fail("Reset", "changed its mind"))],
      ["a good end of its link", ({ finish }) => finish]
    ]
    it.live.each(leavings)("no handler starts for a caller that goes without it, by %s", ([, leave]) =>
      Effect.gen(function* () {
        const far = yield* counting()
        yield* Effect.scoped(Effect.flatMap(accepted(far.wire), leave))
        yield* idle(far)
        assert.strictEqual(yield* far.count, 0)
      })
    )

    it.live("a caller that says none is served at once", () =>
      Effect.gen(function* () {
        const { starts, wire } = yield* counting()
        yield* accepted(wire, { ...asking, revision: 0 })
        yield* soon(Queue.take(starts))
      })
    )

    it.live("one that does not come in time ends the flow, and no handler starts", () =>
      Effect.gen(function* () {
        const words = yield* Timeouts.make("100 millis")
        let starts = 0
        const count = Effect.sync(() => {
          starts += 1
        })
        const far = yield* serving(makeWire, bytes, () => count, { words })
        const link = yield* accepted(far.wire)
        const last = yield* soon(link.read)
        assert.strictEqual(last._tag === "Fail" ? last.reason : last._tag, "ProtocolViolation")
        yield* link.finish
        yield* idle(far)
        assert.strictEqual(starts, 0)
        const flow = yield* far.open
        yield* soon(Stream.runDrain(flow.messages))
        assert.strictEqual(starts, 1)
      })
    )

    it.live("an endpoint that closes ends a flow that has not started, too", () =>
      Effect.gen(function* () {
        const far = yield* counting()
        const link = yield* accepted(far.wire)
        yield* far.endpoint.stop
        const told = yield* soon(link.read)
        assert.isTrue(told._tag === "Data" && told.draining)
        yield* far.endpoint.close
        const last = yield* soon(link.read)
        assert.strictEqual(last._tag === "Fail" ? last.reason : last._tag, "Closed")
        yield* link.finish
        yield* idle(far)
        assert.strictEqual(yield* far.count, 0)
      })
    )

    it.live("what was accepted before a withdrawal is served after it, and hears of it", () =>
      Effect.gen(function* () {
        const far = yield* counting((flow) => flow.draining)
        const link = yield* accepted(far.wire)
        yield* far.endpoint.stop
        assert.isTrue((yield* soon(link.read))._tag === "Data")
        yield* link.write(Frame.word)
        assert.strictEqual((yield* soon(link.read))._tag, "End")
        assert.strictEqual(yield* far.count, 1)
      })
    )

    it.live("as many handlers start as flows were taken, however the others were given up", () =>
      Effect.gen(function* () {
        const far = yield* counting()
        const { dial, host } = far.wire
        const limits = FlowServer.defaults.limits
        const flows = yield* Dialling.make({ selfId: "client", dial: () => dial, answer: () => Effect.void, limits })
        let taken = 0
        for (let round = 0; round < 60; round++) {
          const millis = yield* Random.nextIntBetween(0, 4)
          const scope = yield* Scope.make()
          const opening = Scope.provide(flows.open(host, bytes), scope)
          const opened = yield* Effect.timeoutOption(opening, millis === 3 ? "10 seconds" : millis)
          const isTaken = yield* Random.nextBoolean
          if (Option.isSome(opened) && isTaken) {
            yield* started(opened.value).send(one)
            taken += 1
          }
          yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
        }
        yield* until(Effect.map(far.count, (count) => count >= taken))
        yield* pause
        assert.strictEqual(yield* far.count, taken)
        assert.isAbove(taken, 0)
      })
    )

    it.live.each([
      [0, "maybe"],
      [1, "no"]
    ] as const)(
      "a host of revision %i that is lost before it answers: a handler was started: %s",
      ([revision, delivered]) =>
        Effect.gen(function* () {
          const wire = yield* makeWire
          const asked = yield* Deferred.make<void>()
          // A host that has taken the flow, and will never say so.
          yield* wire.serve((link) =>
            Effect.andThen(
              Effect.ignore(pull(link).read),
              Effect.andThen(Deferred.succeed(asked, undefined), Effect.never)
            )
          )
          const limits = FlowServer.defaults.limits
          const dial = () => wire.dial
          const flows = yield* Dialling.make({ selfId: "client", dial, answer: () => Effect.void, limits })
          const opening = yield* Effect.forkChild(Effect.exit(flows.open({ ...wire.host, revision }, bytes)))
          yield* soon(Deferred.await(asked))
          yield* wire.kill
          const error = errorOf(yield* soon(Fiber.join(opening)))
          assert.isTrue(error instanceof NetworkError && error.reason._tag === "HostUnreachable", String(error))
          // Queues have no way on which anybody could be from before the second word.
          const isWithin = name === "queues"
          assert.strictEqual(error instanceof NetworkError && error.delivered, isWithin ? "no" : delivered)
        })
    )
  })

  describe(`draining: ${name}`, () => {
    const echo = (flow: Bytes) => Stream.runForEach(flow.messages, flow.send)

    it.live("a caller hears of it, ends, and both sides come to a good end at once", () =>
      Effect.gen(function* () {
        const far = yield* counting(echo)
        const flow = yield* far.open
        yield* flow.send(one)
        yield* soon(flow.receive)
        const told = yield* Effect.forkChild(flow.draining, { startImmediately: true })
        assert.isUndefined(told.pollUnsafe())
        yield* far.endpoint.stop
        yield* soon(Fiber.join(told))
        // It is a request: what is asked now is still answered.
        yield* flow.send(one)
        assert.deepStrictEqual([...(yield* soon(flow.receive))], [1])
        yield* flow.end
        yield* soon(Stream.runDrain(flow.messages))
        yield* idle(far)
      })
    )

    it.live("a handler hears of it, and one that returns gives its caller a good end", () =>
      Effect.gen(function* () {
        const far = yield* counting((flow) => Effect.raceFirst(echo(flow), flow.draining))
        const flow = yield* far.open
        yield* flow.send(one)
        yield* soon(flow.receive)
        yield* far.endpoint.stop
        yield* soon(Stream.runDrain(flow.messages))
        yield* flow.end
        yield* idle(far)
      })
    )

    it.live("within a message that is cut nothing is said of it", () =>
      Effect.gen(function* () {
        const go = yield* Deferred.make<void>()
        const large = new Uint8Array(1_000_000).map((_, at) => at)
        const far = yield* counting((flow) =>
          Effect.andThen(Deferred.await(go), Effect.andThen(flow.send(large), Effect.andThen(flow.end, flow.draining)))
        )
        const flow = yield* far.open
        yield* soon(Queue.take(far.starts))
        const told = yield* Effect.forkChild(flow.draining, { startImmediately: true })
        yield* Deferred.succeed(go, undefined)
        yield* far.endpoint.stop
        assert.deepStrictEqual(yield* soon(flow.receive), large)
        yield* soon(Fiber.join(told))
      })
    )

    it.live("it is not said to a caller of revision 0", () =>
      Effect.gen(function* () {
        const far = yield* counting((flow) => Effect.andThen(flow.draining, flow.send(one)))
        const link = yield* accepted(far.wire, { ...asking, revision: 0 })
        yield* soon(Queue.take(far.starts))
        yield* far.endpoint.stop
        const said = yield* soon(link.read)
        assert.strictEqual(said._tag === "Data" ? said.messages.length : "", name === "queues" ? "" : 1)
      })
    )

    it.live("whoever waits for it wakes up when the flow is over", () =>
      Effect.gen(function* () {
        const far = yield* counting(echo)
        const scope = yield* Scope.make()
        const flow = yield* Scope.provide(far.open, scope)
        const left = yield* Effect.forkChild(flow.draining, { startImmediately: true })
        const other = yield* far.open
        const lost = yield* Effect.forkChild(other.draining, { startImmediately: true })
        yield* Scope.close(scope, yield* Effect.exit(Effect.void))
        yield* soon(Fiber.join(left))
        yield* far.wire.kill
        yield* soon(Fiber.join(lost))
      })
    )
  })
}
