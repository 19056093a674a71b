import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as JsonDepth from "../../src/protocol/JsonDepth.ts"

const { depthMax } = JsonDepth
const bytesOf = (text: string) => new TextEncoder().encode(text)
const isTooDeep = (text: string) => JsonDepth.isTooDeep(bytesOf(text))

/** Arrays and objects within each other, in turn. */
const nested = (depth: number, value: unknown): string => {
  const [open, close] = [[], []] as [Array<string>, Array<string>]
  for (let level = 0; level < depth; level++) {
    open.push(level % 2 === 0 ? "[" : '{"a":')
    close.push(level % 2 === 0 ? "]" : "}")
  }
  return `${open.join("")}${JSON.stringify(value)}${close.reverse().join("")}`
}

describe("the depth of JSON", () => {
  it.prop(
    "is that of its brackets, whatever its strings hold",
    [Schema.Literals([0, 1, depthMax - 1, depthMax, depthMax + 1, 3 * depthMax]), Schema.String, Schema.Boolean],
    ([depth, text, isLong]) => {
      const strings = [text, '[{"\\', "]}".repeat(3000), "[".repeat(isLong ? 20_000 : 1), '\\"[', text]
      // Two more levels are those of the value.
      assert.strictEqual(isTooDeep(nested(depth, [{ strings }])), depth + 3 > depthMax)
      assert.strictEqual(
        isTooDeep(`[${JSON.stringify(strings)},${nested(depth, 1)}]`),
        depth + 1 > depthMax || depthMax < 2
      )
    }
  )

  it("counts what is open, and not what was", () => {
    assert.isFalse(isTooDeep(JSON.stringify(Array.from({ length: 100_000 }, () => [{}]))))
    assert.isTrue(isTooDeep("[".repeat(2 * depthMax + 1)))
    assert.isTrue(isTooDeep('["]",'.repeat(2 * depthMax)))
    assert.isTrue(isTooDeep('["\\\\","\\"]",'.repeat(2 * depthMax)))
  })

  it("takes any text for what it is", () => {
    for (const text of ["", '"', '"\\', "]".repeat(100_000), '"'.repeat(100_001), "\\".repeat(100_000)])
      assert.isFalse(isTooDeep(text), text.slice(0, 10))
  })
})
