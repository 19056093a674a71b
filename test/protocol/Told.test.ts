import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Told from "../../src/protocol/Told.ts"

describe("what was told", () => {
  it("goes without saying for a while, each thing by itself", () => {
    const told = Told.make(1000)
    assert.isTrue(Told.isDue(told, "a", 0))
    assert.isTrue(Told.isDue(told, "b", 500))
    assert.isFalse(Told.isDue(told, "a", 999))
    assert.isTrue(Told.isDue(told, "a", 1000))
    assert.isFalse(Told.isDue(told, "b", 1499))
    assert.isTrue(Told.isDue(told, "b", 1500))
  })

  const Step = Schema.Struct({
    key: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
    millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 400 }))
  })

  it.prop("is each thing once in any such time, and so many things at most", [Schema.Array(Step)], ([steps]) => {
    const told = Told.make(1000, 3)
    const lines: Array<{ readonly key: number; readonly at: number }> = []
    let at = 0
    for (const { key, millis } of steps) {
      at += millis
      if (Told.isDue(told, `${key}`, at)) lines.push({ key, at })
      const lately = lines.filter((line) => at - line.at < 1000)
      assert.isAtMost(lately.length, 3)
      assert.strictEqual(new Set(lately.map((line) => line.key)).size, lately.length)
      assert.isAtMost(told.at.size, 3)
    }
    // Whoever was first, at least, was told.
    assert.strictEqual(lines.length > 0, steps.length > 0)
  })
})
