/** What becomes of a flow whose scope is not its reader's: on a local fabric, and of `connectEach`. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Queue, Scheduler, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as FabricLocal from "../../../src/layers/fabric/FabricLocal.ts"
import * as Endpoint from "../../../src/services/Endpoint.ts"
import { Fabric } from "../../../src/services/Fabric.ts"
import type { Flow } from "../../../src/services/Flow.ts"
import { reasonOf } from "../../laws/Reasons.ts"

const Echo = Endpoint.make("echo", { input: Schema.Number, output: Schema.Number, ownership: "group" })

const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "3 seconds")

const echo = (flow: Flow<number, number>) => Stream.runForEach(flow.messages, flow.send)

describe("the scope of a flow", () => {
  it.live("of connectEach is over once its owner has withdrawn: its reader ends, and nothing more is sent", () =>
    Effect.gen(function* () {
      const fabric = yield* Fabric
      const exposing = yield* Scope.make()
      yield* Scope.provide(fabric.expose(Echo, echo, { drain: "100 millis" }), exposing)
      const flows = yield* Queue.unbounded<Flow<number, number>>()
      yield* Effect.forkScoped(
        Stream.runForEach(fabric.connectEach(Echo), (each) =>
          each._tag === "Opened" ? Queue.offer(flows, each.flow) : Effect.void
        )
      )
      const flow = yield* soon(Queue.take(flows))
      const reader = yield* Effect.forkChild(Effect.exit(Stream.runDrain(flow.messages)), { startImmediately: true })
      yield* flow.send(1)
      yield* Scope.close(exposing, Exit.void)
      assert.strictEqual(reasonOf(yield* soon(Fiber.join(reader))), "FlowClosed")
      assert.strictEqual(reasonOf(yield* Effect.exit(flow.send(2))), "FlowClosed")
    }).pipe(Effect.provide(FabricLocal.layer()))
  )

  it.live("of connectEach is over with the stream", () =>
    Effect.gen(function* () {
      const fabric = yield* Fabric
      yield* fabric.expose(Echo, echo)
      const [each] = yield* soon(Stream.runCollect(Stream.take(fabric.connectEach(Echo), 1)))
      const flow = each?._tag === "Opened" ? each.flow : undefined
      assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow?.receive ?? Effect.void))), "FlowClosed")
      assert.strictEqual(reasonOf(yield* Effect.exit(flow?.send(1) ?? Effect.void)), "FlowClosed")
    }).pipe(Effect.provide(FabricLocal.layer()))
  )

  it.live("within a process is its lifetime, too", () =>
    Effect.gen(function* () {
      const fabric = yield* Fabric
      yield* fabric.expose(Echo, echo)
      const flow = yield* Effect.scoped(fabric.connect(Echo))
      assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.receive))), "FlowClosed")
      assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.send(1)))), "FlowClosed")
      const ended = yield* Effect.scoped(Effect.tap(fabric.connect(Echo), (open) => open.end))
      assert.strictEqual(reasonOf(yield* Effect.exit(soon(ended.receive))), "FlowClosed")
    }).pipe(Effect.provide(FabricLocal.layer()))
  )

  it.effect.each([3, 4, 5])("is over when its caller is interrupted, wherever that is; %i steps at a time", (steps) =>
    Effect.gen(function* () {
      const fabric = yield* Fabric
      let running = 0
      yield* fabric.expose(Echo, () =>
        Effect.ensuring(
          Effect.andThen(
            Effect.sync(() => running++),
            Effect.never
          ),
          Effect.sync(() => running--)
        )
      )
      const connected = Effect.scoped(Effect.andThen(fabric.connect(Echo), Effect.never))
      const left: Array<number> = []
      for (let turns = 0; turns < 150; turns++) {
        const caller = yield* Effect.forkChild(Effect.provideService(connected, Scheduler.MaxOpsBeforeYield, steps), {
          startImmediately: true
        })
        for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
        yield* Fiber.interrupt(caller)
        yield* TestClock.adjust("10 seconds")
        if (running > 0) left.push(turns)
        running = 0
      }
      assert.deepStrictEqual(left, [])
    }).pipe(Effect.provide(FabricLocal.layer()))
  )

  it.live("of a fabric that closes is over, whatever its caller still holds", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const fabric = yield* Effect.map(Layer.buildWithScope(FabricLocal.layer(), scope), Context.get(Fabric))
      yield* fabric.expose(Echo, echo)
      const flow = yield* fabric.connect(Echo)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.receive))), "FlowClosed")
      assert.strictEqual(reasonOf(yield* Effect.exit(soon(flow.send(1)))), "FlowClosed")
    })
  )
})
