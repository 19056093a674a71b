import { assert, describe, it } from "@effect/vitest"
import * as Validity from "../../src/protocol/Validity.ts"

const day = 86_400_000
const span = (days: number): Validity.Span => ({ fromMillis: 1000 * day, untilMillis: (1000 + days) * day })
const at = (days: number, day_: number) => Validity.standing(span(days), (1000 + day_) * day)

describe("a certificate", () => {
  it("is good from its first moment to its last", () => {
    assert.strictEqual(at(90, -0.001), "early")
    assert.strictEqual(at(90, 0), "good")
    assert.strictEqual(at(90, 90), "ending")
    assert.strictEqual(at(90, 90.001), "over")
  })

  it("is ending for a tenth of its life, a week at most", () => {
    for (const [days, notice] of [
      [1, 0.1],
      [30, 3],
      [90, 7],
      [3650, 7]
    ] as const) {
      assert.strictEqual(at(days, days - notice - 0.001), "good")
      assert.strictEqual(at(days, days - notice + 0.001), "ending")
    }
  })
})
