/** The numbers of the reference. Source: memberlist-wire.md, sections 12, 14.1 and 15; faults.md, section 1. */
import { assert, describe, it } from "@effect/vitest"
import * as Awareness from "../../../src/protocol/swim/Awareness.ts"
import { transmitLimit } from "../../../src/protocol/swim/Broadcasts.ts"
import { intervalMillis } from "../../../src/protocol/swim/PushPull.ts"
import { confirmationsMax, minMillis, timeoutMillis } from "../../../src/protocol/swim/Suspicion.ts"
import { nextTick } from "../../../src/protocol/swim/Timer.ts"

describe("suspicion", () => {
  it.each([
    [10, 4000],
    [11, 4164],
    [50, 6792],
    [100, 8000],
    [128, 8428],
    [1000, 12_000],
    [10_000, 16_000]
  ])("with %i members lasts at least %i ms", (n, expected) => assert.closeTo(minMillis(4, n, 1000), expected, 1e-6))

  it.each([
    [1, [24, 4]],
    [2, [24, 11.381, 4]],
    [3, [24, 14, 8.15, 4]],
    [4, [24, 15.386, 10.347, 6.772, 4]]
  ])("shrinks from 24 s to 4 s by %i confirmations", (k, seconds) => {
    for (const [c, expected] of seconds.entries())
      assert.strictEqual(timeoutMillis(c, k, 4000, 24_000), expected * 1000)
  })

  it("takes its minimum at once where nobody can confirm", () => {
    assert.strictEqual(timeoutMillis(0, 0, 4000, 24_000), 4000)
    assert.strictEqual(confirmationsMax(4, 3), 0)
    assert.strictEqual(confirmationsMax(4, 4), 2)
    assert.strictEqual(confirmationsMax(6, 6), 4)
    assert.strictEqual(confirmationsMax(3, 3), 1)
  })

  it("with 128 members and two confirmations is 50.6, 24.0 and 8.4 s", () => {
    const min = minMillis(4, 128, 1000)
    assert.deepStrictEqual(
      [0, 1, 2].map((c) => Math.round(timeoutMillis(c, 2, min, 6 * min) / 100) / 10),
      [50.6, 24, 8.4]
    )
  })
})

it.each([
  [0, 0],
  [1, 4],
  [9, 4],
  [10, 8],
  [99, 8],
  [100, 12],
  [128, 12],
  [999, 12],
  [1000, 16],
  [10_000, 20]
])("with %i members a broadcast is sent %i times", (n, expected) => assert.strictEqual(transmitLimit(4, n), expected))

it.each([
  [1, 30],
  [32, 30],
  [33, 60],
  [64, 60],
  [65, 90],
  [128, 90],
  [129, 120],
  [256, 120],
  [1000, 180],
  [10_000, 300]
])("with %i members push/pull is every %i s", (n, expected) =>
  assert.strictEqual(intervalMillis(30_000, n), expected * 1000)
)

it("the health score stays within bounds and scales by one more", () => {
  const awareness = Awareness.make(8)
  Awareness.apply(awareness, -1)
  assert.strictEqual(Awareness.scale(awareness, 1000), 1000)
  for (let i = 0; i < 9; i++) Awareness.apply(awareness, 1)
  assert.strictEqual(awareness.score, 7)
  assert.strictEqual(Awareness.scale(awareness, 1000), 8000)
})

it("a cadence does not catch up on ticks that were missed", () => {
  assert.strictEqual(nextTick(1000, 200, 1000), 1200)
  assert.strictEqual(nextTick(1000, 200, 1199), 1200)
  assert.strictEqual(nextTick(1000, 200, 9_950), 10_000)
})
