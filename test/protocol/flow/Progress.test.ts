import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Progress from "../../../src/protocol/flow/Progress.ts"

const bounds: Progress.Bounds = { frameMillisMax: 30_000, ...Progress.defaults }
const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** Looks each second, at a frame of which so many bytes come in a second; when it is stalled, in seconds. */
const stalledAfter = (bytesPerSecond: number, frameOf: (second: number) => number | undefined, seconds = 120) => {
  const progress = Progress.make()
  for (let second = 0; second <= seconds; second++) {
    const look = { nowMillis: second * 1000, frame: frameOf(second), bytes: second * bytesPerSecond }
    if (Progress.look(progress, bounds, look) !== undefined) return second
  }
  return undefined
}

describe("the progress of a frame", () => {
  it("one of which nothing comes is stalled after 10 seconds, and one that is slow", () => {
    assert.strictEqual(
      stalledAfter(0, () => 3),
      10
    )
    assert.strictEqual(
      stalledAfter(999, () => 3),
      10
    )
  })

  it("one that is not slow has 30 seconds", () => {
    assert.strictEqual(
      stalledAfter(1000, () => 3),
      30
    )
  })

  it.prop(
    "silence between two frames, and while this side does not read, is not held against the peer",
    [upTo(9)],
    ([gap]) => {
      assert.strictEqual(
        stalledAfter(0, () => undefined),
        undefined
      )
      assert.strictEqual(
        stalledAfter(0, (second) => (second % (gap + 1) === gap ? undefined : 1)),
        undefined
      )
      assert.strictEqual(
        stalledAfter(0, (second) => Math.floor(second / (gap + 1))),
        undefined
      )
    }
  )
})
