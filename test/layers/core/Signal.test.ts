/**
 * Waiting for a condition: whoever waits goes on once it holds, in the order in which they came, and nobody else does.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Signal from "../../../src/layers/core/Signal.ts"

const waiting = Effect.fnUntraced(function* (names: ReadonlyArray<string>) {
  const signal = Signal.make()
  const open = new Set<string>()
  const gone: Array<string> = []
  const fibers = new Map<string, Fiber.Fiber<void>>()
  for (const name of names) {
    const waits = Effect.map(
      Signal.until(signal, () => open.has(name)),
      () => {
        gone.push(name)
      }
    )
    fibers.set(name, yield* Effect.forkChild(waits, { startImmediately: true }))
  }
  const notify = Effect.fnUntraced(function* (...holding: ReadonlyArray<string>) {
    for (const name of holding) open.add(name)
    Signal.notify(signal)
    yield* Effect.yieldNow
  })
  return { signal, gone, fibers, notify }
})

describe("a signal", () => {
  it.effect("resumes those whose condition holds, in the order in which they came", () =>
    Effect.gen(function* () {
      const { gone, notify, signal } = yield* waiting(["a", "b", "c", "d"])
      yield* notify()
      assert.deepStrictEqual(gone, [])
      yield* notify("d", "b")
      assert.deepStrictEqual(gone, ["b", "d"])
      yield* notify("a")
      yield* notify("c")
      assert.deepStrictEqual(gone, ["b", "d", "a", "c"])
      assert.deepStrictEqual(signal, Signal.make())
    })
  )

  it.effect("resumes a chain of fibers, each of which resumes the next, however long it is", () =>
    Effect.gen(function* () {
      const signals = Array.from({ length: 20_000 }, Signal.make)
      let resumed = 0
      const waiting = signals.map((signal, index) =>
        Effect.map(
          Signal.until(signal, () => resumed === index),
          () => {
            resumed += 1
            const next = signals[index + 1]
            if (next !== undefined) Signal.notify(next)
          }
        )
      )
      // Each holds only once the one before has gone on, so the first is the last to be asked.
      const [first, ...rest] = waiting
      const fibers = yield* Effect.forEach(rest, (wait) => Effect.forkChild(wait, { startImmediately: true }))
      if (first !== undefined) yield* first
      yield* Effect.forEach(fibers, Fiber.join, { discard: true })
      assert.strictEqual(resumed, signals.length)
    })
  )

  it.effect("forgets those who are interrupted, wherever they stand", () =>
    Effect.gen(function* () {
      for (const left of ["a", "b", "c"]) {
        const { fibers, gone, notify, signal } = yield* waiting(["a", "b", "c"])
        const fiber = fibers.get(left)
        if (fiber !== undefined) yield* Fiber.interrupt(fiber)
        yield* notify("a", "b", "c")
        assert.deepStrictEqual(
          gone,
          ["a", "b", "c"].filter((name) => name !== left)
        )
        assert.deepStrictEqual(signal, Signal.make())
      }
    })
  )

  it.effect("whoever goes on may wait again, and let others go", () =>
    Effect.gen(function* () {
      const signal = Signal.make()
      const seen: Array<string> = []
      let turn = 0
      const walk = (name: string, parity: number) =>
        Effect.forEach([0, 1, 2], (round) =>
          Effect.map(
            Signal.until(signal, () => turn === 2 * round + parity),
            () => {
              seen.push(`${name}${round}`)
              turn += 1
              Signal.notify(signal)
            }
          )
        )
      const second = yield* Effect.forkChild(walk("b", 1), { startImmediately: true })
      yield* walk("a", 0)
      yield* Fiber.join(second)
      assert.deepStrictEqual(seen, ["a0", "b0", "a1", "b1", "a2", "b2"])
      assert.deepStrictEqual(signal, Signal.make())
    })
  )

  it.effect("a condition that holds already needs no signal", () => Signal.until(Signal.make(), () => true))
})
