/**
 * Whose turn it is at an endpoint, against whatever order of coming and going.
 */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Admission from "../../../src/protocol/flow/Admission.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** Each step: a new flow comes, or the flow of this number goes. */
const Program = Schema.Array(Schema.Union([Schema.Literal("enter"), upTo(40)])).check(Schema.isMaxLength(80))

describe("admission", () => {
  it.prop(
    "bounds hold, nobody waits while a place is free, and turns come in order",
    [Program, upTo(3), upTo(3)],
    ([program, more, backlog]) => {
      const concurrency = more + 1
      const admission = Admission.make<number>({ concurrency, backlog })
      const waited: Array<number> = []
      const served: Array<number> = []
      let tickets = 0
      for (const step of program) {
        const waitingBefore = [...admission.waiting]
        const isFull = admission.serving.size === concurrency && admission.waiting.size === backlog
        if (step === "enter") {
          const ticket = tickets++
          const entry = Admission.enter(admission, ticket)
          assert.strictEqual(entry === "busy", isFull)
          assert.strictEqual(entry === "serving", admission.serving.has(ticket))
          assert.strictEqual(entry === "waiting", admission.waiting.has(ticket))
          if (entry === "waiting") waited.push(ticket)
        } else {
          const gaveUp = admission.waiting.has(step)
          Admission.leave(admission, step)
          Admission.leave(admission, step)
          if (gaveUp) waited.splice(waited.indexOf(step), 1)
        }
        for (const ticket of waitingBefore) if (admission.serving.has(ticket)) served.push(ticket)
        assert.isAtMost(admission.serving.size, concurrency)
        assert.isAtMost(admission.waiting.size, backlog)
        assert.isTrue(admission.waiting.size === 0 || admission.serving.size === concurrency)
      }
      assert.deepStrictEqual(served, waited.slice(0, served.length))
    }
  )

  it("closed, it lets nobody in, and nobody waits", () => {
    const admission = Admission.make<string>({ concurrency: 1, backlog: 1 })
    assert.strictEqual(Admission.enter(admission, "a"), "serving")
    assert.strictEqual(Admission.enter(admission, "b"), "waiting")
    Admission.close(admission)
    assert.strictEqual(Admission.enter(admission, "c"), "closed")
    Admission.leave(admission, "a")
    assert.deepStrictEqual([admission.serving.size, admission.waiting.size], [0, 0])
  })
})
