/** Timeouts of one length: each is over in time, in the order in which they began, unless it was ended. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Option, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Timeouts from "../../../src/layers/core/Timeouts.ts"

const lengthMillis = 100

/** Waits, begins a timeout, and ends it a while after, or never. */
const Step = Schema.Struct({
  waitMillis: Schema.Literals([0, 1, 7, 50, 99, 100, 101, 250]),
  endAfterMillis: Schema.Literals([0, 1, 60, 99, 100, 101, 1000])
})

describe("timeouts", () => {
  it.effect.prop(
    "are over when their time is, and only those that were not ended",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.gen(function* () {
        const timeouts = yield* Timeouts.make(lengthMillis)
        let nowMillis = 0
        const over: Array<readonly [number, number]> = []
        const expected: Array<readonly [number, number]> = []
        const ends: Array<readonly [number, Timeouts.Timeout]> = []
        const advanceTo = Effect.fnUntraced(function* (until: number) {
          while (nowMillis < until) {
            yield* TestClock.adjust(1)
            nowMillis += 1
            for (const [at, timeout] of ends) if (at === nowMillis) timeouts.end(timeout)
          }
        })
        for (const [index, { endAfterMillis, waitMillis }] of steps.entries()) {
          yield* advanceTo(nowMillis + waitMillis)
          const timeout = timeouts.begin(() => over.push([index, nowMillis]))
          if (endAfterMillis === 0) timeouts.end(timeout)
          else ends.push([nowMillis + endAfterMillis, timeout])
          // The clock is moved first: one that ends in the millisecond in which it is over is over.
          if (endAfterMillis >= lengthMillis) expected.push([index, nowMillis + lengthMillis - 1])
        }
        yield* advanceTo(nowMillis + 2 * lengthMillis)
        assert.deepStrictEqual(over, expected)
      }),
    { arbitrary: { runs: 40 } }
  )

  it.effect("bound what is to take as long as they do, however that is said, and leave other lengths to Effect", () =>
    Effect.gen(function* () {
      let begun = 0
      const made = yield* Timeouts.make(lengthMillis)
      const timeouts: Timeouts.Timeouts = {
        ...made,
        begin: (onOver) => {
          begun += 1
          return made.begin(onOver)
        }
      }
      const givenUp = Effect.fnUntraced(function* (length: Duration.Input | undefined, afterMillis: number) {
        const waiting = yield* Effect.forkChild(Timeouts.within(timeouts, Effect.never, length), {
          startImmediately: true
        })
        yield* TestClock.adjust(afterMillis - 1)
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.isTrue(Option.isNone(yield* Fiber.join(waiting)))
      })
      for (const length of [undefined, lengthMillis, "100 millis", Duration.seconds(0.1)] as const)
        yield* givenUp(length, lengthMillis)
      assert.strictEqual(begun, 4)
      yield* givenUp(lengthMillis - 1, lengthMillis - 1)
      yield* givenUp("1 second", 1000)
      assert.strictEqual(begun, 4)
    })
  )

  it.effect("give up an effect that takes longer, and wait until it is interrupted", () =>
    Effect.gen(function* () {
      const timeouts = yield* Timeouts.make(lengthMillis)
      let isInterrupted = false
      const slow = Effect.onInterrupt(Effect.never, () =>
        Effect.map(Effect.sleep(10), () => {
          isInterrupted = true
        })
      )
      const waiting = yield* Effect.forkChild(Timeouts.within(timeouts, slow), { startImmediately: true })
      yield* TestClock.adjust(lengthMillis)
      assert.isUndefined(waiting.pollUnsafe())
      yield* TestClock.adjust(10)
      assert.isTrue(Option.isNone(yield* Fiber.join(waiting)))
      assert.isTrue(isInterrupted)
    })
  )

  it.effect("give what an effect gives in time: a value, a failure", () =>
    Effect.gen(function* () {
      const timeouts = yield* Timeouts.make(lengthMillis)
      assert.deepStrictEqual(yield* Timeouts.within(timeouts, Effect.succeed(1)), Option.some(1))
      assert.deepStrictEqual(yield* Effect.exit(Timeouts.within(timeouts, Effect.fail("no"))), Exit.fail("no"))
      const later = yield* Effect.forkChild(Timeouts.within(timeouts, Effect.as(Effect.sleep(99), 2)))
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(yield* Fiber.join(later), Option.some(2))
    })
  )

  it.effect("are interrupted with what they bound", () =>
    Effect.gen(function* () {
      const timeouts = yield* Timeouts.make(lengthMillis)
      const interrupted = yield* Deferred.make<void>()
      const bound = Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      const waiting = yield* Effect.forkChild(Timeouts.within(timeouts, bound), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      yield* Deferred.await(interrupted)
    })
  )

  it.effect("are over in time though what one of them does fails", () =>
    Effect.gen(function* () {
      const timeouts = yield* Timeouts.make(lengthMillis)
      let calls = 0
      timeouts.begin(() => {
        throw new Error("a bug")
      })
      timeouts.begin(() => calls++)
      yield* TestClock.adjust(2 * lengthMillis)
      assert.strictEqual(calls, 1)
      timeouts.begin(() => calls++)
      yield* TestClock.adjust(2 * lengthMillis)
      assert.strictEqual(calls, 2)
    })
  )

  it.effect("do not call back once their scope is closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const timeouts = yield* Scope.provide(Timeouts.make(lengthMillis), scope)
      let calls = 0
      timeouts.begin(() => calls++)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust(2 * lengthMillis)
      assert.strictEqual(calls, 0)
    })
  )

  it.live("that are over together leave others their turn", () =>
    Effect.gen(function* () {
      const timeouts = yield* Timeouts.make("20 millis")
      const counts: Array<number> = []
      let calls = 0
      for (let i = 0; i < 1000; i++) timeouts.begin(() => calls++)
      while (calls < 1000) {
        yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
        counts.push(calls)
      }
      const most = counts.reduce((max, count, at) => Math.max(max, count - (counts[at - 1] ?? 0)), 0)
      assert.isAtMost(most, 200)
    })
  )
})
