import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Held from "../../../src/protocol/flow/Held.ts"
import { Cuts } from "./Cuts.ts"

const Length = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000 }))

describe("what comes in pieces", () => {
  it.prop(
    "is put together, in at most twice the memory of what has come until much has",
    [Length, Cuts],
    ([length, cuts]) => {
      const whole = Uint8Array.from({ length }, (_, index) => index * 7)
      const held = Held.make()
      for (let at = 0, i = 0; at < length; i++) {
        const end = Math.min(length, at + (cuts[i % cuts.length] ?? 1) * 50)
        Held.add(held, whole, at, end, length)
        at = end
        const most = at >= Held.wholeFromBytes ? length : Math.max(Held.smallBytesMax, 2 * at)
        assert.isAtMost(held.bytes.byteLength, Math.min(length, most))
        assert.deepStrictEqual(Held.view(held), whole.subarray(0, at))
      }
      assert.deepStrictEqual(Held.take(held), whole)
      assert.strictEqual(Held.view(held).byteLength, 0)
    }
  )
})
