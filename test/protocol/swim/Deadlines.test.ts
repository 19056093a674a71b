import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Deadlines from "../../../src/protocol/swim/Deadlines.ts"

const small = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 }))
const Step = Schema.Struct({ cancels: Schema.Boolean, value: small })

it.prop("deadlines come out by time, then by age, without the cancelled", [Schema.Array(Step)], ([steps]) => {
  const deadlines = Deadlines.make<number>()
  let model: ReadonlyArray<Deadlines.Deadline<number>> = []
  for (const { cancels, value } of steps) {
    const victim = model[value]
    if (cancels && victim !== undefined) {
      Deadlines.cancel(deadlines, victim)
      Deadlines.cancel(deadlines, victim)
      model = model.filter((deadline) => deadline !== victim)
    } else model = [...model, Deadlines.arm(deadlines, value, value)]
  }
  const expected = model.toSorted((a, b) => a.atMillis - b.atMillis || a.order - b.order)
  for (const deadline of expected) {
    assert.strictEqual(Deadlines.next(deadlines), deadline.atMillis)
    assert.isUndefined(Deadlines.takeDue(deadlines, deadline.atMillis - 0.5))
    assert.strictEqual(Deadlines.takeDue(deadlines, deadline.atMillis), deadline)
  }
  assert.strictEqual(Deadlines.next(deadlines), Number.POSITIVE_INFINITY)
})
