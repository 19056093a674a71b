import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Liveness from "../../../src/protocol/flow/Liveness.ts"

/** The bounds of a host as it starts. */
const bounds: Liveness.Bounds = { intervalMillis: 1_000, timeoutMillis: 4_400, lookMillis: 200 }
const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** What the path does between two looks. */
interface Step {
  readonly elapsedMillis?: number
  readonly came?: number
  readonly took?: number
  readonly isFull?: boolean
}

/** A session in which nothing happens but what is told. */
const session = (own: Liveness.Bounds = bounds) => {
  const liveness = Liveness.make(0)
  let nowMillis = 0
  let readBytes = 0
  let takenBytes = 0
  return {
    now: () => nowMillis,
    doubt: () => Liveness.doubt(liveness, nowMillis),
    answer: (afterMillis: number) => Liveness.answer(liveness, afterMillis),
    look: ({ came = 0, elapsedMillis = own.lookMillis, isFull = false, took = 0 }: Step = {}) => {
      nowMillis += elapsedMillis
      readBytes += came
      takenBytes += took
      return Liveness.look(liveness, own, { nowMillis, readBytes, takenBytes, isFull })
    }
  }
}

/** How long a session lasts from now on when nothing comes any more, in milliseconds. */
const lasts = (one: ReturnType<typeof session>, step: Step = {}): number => {
  const from = one.now()
  while (one.look(step) !== "dead") if (one.now() - from > 600_000) return Number.POSITIVE_INFINITY
  return one.now() - from
}

describe("a peer", () => {
  it("that says nothing is asked after the interval, and dead after the timeout", () => {
    const one = session()
    const said = Array.from({ length: 26 }, () => one.look())
    assert.strictEqual(said.indexOf("ask"), 4)
    assert.strictEqual(said.lastIndexOf("ask"), 4)
    assert.strictEqual(said.indexOf("dead"), -1)
    assert.strictEqual(lasts(one), 200)
  })

  it.prop(
    "that falls silent at any moment is dead after 4.4 to 5.8 seconds",
    [upTo(3_000), upTo(190)],
    ([from, odd]) => {
      const one = session()
      while (one.now() < from) if (one.look({ came: 17 }) === "ask") one.answer(1)
      one.look({ elapsedMillis: 10 + odd, came: 17 })
      const millis = lasts(one)
      assert.isAtLeast(millis, 4_400)
      assert.isAtMost(millis, 5_800)
    }
  )

  it.prop(
    "that pauses for up to 4 seconds, as often as it likes, is never dead",
    [Schema.Array(upTo(4_000))],
    ([pauses]) => {
      const one = session()
      for (const pause of pauses) {
        const until = one.now() + pause
        let isAsked = false
        while (one.now() < until) {
          const verdict = one.look()
          assert.notStrictEqual(verdict, "dead", `${pause} ms`)
          isAsked ||= verdict === "ask"
        }
        one.look({ came: 17 })
        if (isAsked) one.answer(pause)
      }
    }
  )

  it.prop("is not dead for what this process slept through", [upTo(10_000_000)], ([slept]) => {
    const one = session()
    for (let i = 0; i < 20; i++) one.look()
    assert.notStrictEqual(one.look({ elapsedMillis: slept }), "dead")
    assert.notStrictEqual(one.look(), "dead")
    assert.strictEqual(one.look({ came: 1 }), "alive")
    assert.isAtLeast(lasts(one), 4_400)
  })

  it("is not alive for what a socket takes that is not full", () => {
    const one = session()
    assert.isAtMost(lasts(one, { took: 100 }), 5_800)
  })

  it("is alive for what a full socket takes, however slowly", () => {
    const one = session()
    one.look({ isFull: true })
    for (let i = 0; i < 100; i++) {
      for (let look = 0; look < 20; look++) assert.notStrictEqual(one.look({ isFull: true }), "dead")
      one.look({ isFull: true, took: 16_384 })
    }
  })

  it("has more time on a path that was slow to take, less of it as that is past", () => {
    const slow = () => {
      const one = session()
      one.look({ isFull: true })
      for (let i = 0; i < 5; i++) {
        for (let look = 0; look < 14; look++) one.look({ isFull: true })
        one.look({ isFull: true, took: 16_384 })
      }
      return one
    }
    assert.isAtLeast(lasts(slow(), { isFull: true }), 8_000)
    const later = slow()
    later.answer(1)
    for (let i = 0; i < 1000; i++) if (later.look({ came: 1 }) === "ask") later.answer(1)
    assert.isAtMost(lasts(later), 6_000)
  })

  it("has more time where an answer takes long, though it hears something all the while", () => {
    const one = session()
    let askedMillis: number | undefined
    for (let i = 0; i < 100; i++) {
      if (one.look({ came: 100 }) === "ask") askedMillis = one.now()
      if (askedMillis !== undefined && one.now() - askedMillis >= 8_000) {
        one.answer(one.now() - askedMillis)
        askedMillis = undefined
      }
    }
    assert.isAtLeast(lasts(one), 4_400 + 8_000)
  })

  it("has more time while its answer is overdue and something else still comes", () => {
    const one = session()
    for (let i = 0; i < 60; i++) one.look({ came: 100 })
    assert.isAtLeast(lasts(one), 4_400 + 8_000)
  })

  it("is measured every two seconds while it gives signs", () => {
    const one = session()
    let asked = 0
    for (let i = 0; i < 100; i++)
      if (one.look({ came: 1 }) === "ask") {
        asked += 1
        one.answer(1)
      }
    assert.isAtLeast(asked, 9)
    assert.isAtMost(asked, 10)
  })

  it("has more time when it is far", () => {
    const far = session()
    while (far.look() !== "ask") {}
    far.answer(1_200)
    far.look({ came: 17 })
    assert.isAtLeast(lasts(far), 4_400 + 1_000)
  })
})

describe("a peer that somebody says is dead", () => {
  const never: Liveness.Bounds = { intervalMillis: 3_600_000, timeoutMillis: 3_600_000, lookMillis: 200 }

  it.prop("is dead once it was silent for 4 seconds and for one since", [upTo(8_000)], ([silence]) => {
    const one = session(never)
    while (one.now() < silence) one.look()
    const silentMillis = one.now()
    assert.isTrue(one.doubt())
    const millis = lasts(one)
    const expected = Math.max(1_000, 4_000 - silentMillis)
    assert.isAtLeast(millis, expected)
    assert.isAtMost(millis, expected + 200)
  })

  it("is asked once, and alive when it answers", () => {
    const one = session(never)
    assert.isTrue(one.doubt())
    assert.isFalse(one.doubt())
    for (let i = 0; i < 15; i++) one.look()
    one.look({ came: 17 })
    one.answer(3_000)
    assert.strictEqual(lasts(one), Number.POSITIVE_INFINITY)
  })

  it("is not alive for what it had said before", () => {
    const one = session(never)
    one.look({ came: 17 })
    one.doubt()
    one.look({ elapsedMillis: 0, came: 17 })
    assert.isAtMost(lasts(one), 5_000)
  })
})
