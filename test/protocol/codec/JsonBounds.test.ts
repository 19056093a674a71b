import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as JsonBounds from "../../../src/protocol/codec/JsonBounds.ts"

const { commasMax, containersMax, depthMax, membersMax } = JsonBounds
const bytesOf = (text: string) => new TextEncoder().encode(text)
const excess = (text: string) => JsonBounds.excess(bytesOf(text))
const isTooDeep = (text: string) => excess(text) === `nested deeper than ${depthMax}`

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

describe("the breadth of JSON", () => {
  const list = (count: number, item: string) => `[${Array(count).fill(item).join(",")}]`
  const object = (count: number) => `{${Array.from({ length: count }, (_, at) => `"${at.toString(36)}":0`).join(",")}}`
  const [containers, members, commas] = [
    `more than ${containersMax} arrays and objects`,
    `more than ${membersMax} members of objects`,
    `more than ${commasMax} elements and members`
  ]

  it("is that of its brackets, colons and commas, up to each bound", () => {
    const cases: ReadonlyArray<readonly [string | undefined, (more: number) => string]> = [
      [containers, (more) => list(containersMax - 1 + more, "[]")],
      [containers, (more) => list(containersMax - 1 + more, "{}")],
      [containers, (more) => list((containersMax >> 1) - 1, '[{"a":"]"}]') + list(more, "{}")],
      [members, (more) => object(membersMax + more)],
      [members, (more) => list(membersMax / 4, '{"a":":","b":"\\\\","c":"\\"{","d":1}') + object(more)],
      [commas, (more) => list(commasMax + 1 + more, "0")],
      [commas, (more) => list(commasMax + 1 + more, "-1")]
    ]
    for (const [expected, make] of cases) {
      assert.isUndefined(excess(make(0)), make(0).slice(0, 20))
      assert.strictEqual(excess(make(2)), expected, make(2).slice(0, 20))
    }
  })

  it("counts nothing of what strings hold", () => {
    const some = [",".repeat(commasMax + 1), ":".repeat(membersMax + 1), '"[{\\'.repeat(50_000), "\\", '"', '\\"']
    for (const full of [some, some.toReversed()]) {
      assert.isUndefined(excess(JSON.stringify(full)))
      assert.strictEqual(excess(JSON.stringify([full, Array(commasMax + 2).fill(0)])), commas)
    }
  })
})
