import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as NameIndex from "../../../src/protocol/names/NameIndex.ts"
import * as Random from "../../../src/testing/Random.ts"

/** A list that is sorted anew with each change. */
const makeModel = () => {
  const values = new Map<string, number>()
  return {
    values,
    withPrefix: (prefix: string) =>
      [...values]
        .filter(([name]) => name.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, value]) => value)
  }
}

/** What is said of the shape, and that names and values agree with the model. */
const check = (index: NameIndex.NameIndex<number>, { values }: ReturnType<typeof makeModel>): void => {
  const listed = index.blocks.flatMap(({ names }) => names)
  assert.deepStrictEqual(listed, [...values.keys()].sort())
  assert.deepStrictEqual(
    index.blocks.flatMap((block) => block.values),
    listed.map((name) => values.get(name))
  )
  for (const [at, { names, values }] of index.blocks.entries()) {
    assert.strictEqual(values.length, names.length)
    assert.isAtLeast(names.length, 1)
    assert.isAtMost(names.length, NameIndex.blockMax)
    const next = index.blocks[at + 1]
    if (next !== undefined) assert.isAbove(names.length + next.names.length, NameIndex.blockMax / 2)
  }
}

/** A run of names, put in or taken out in some order, so that a few of them fill and empty blocks. */
const Op = Schema.Struct({
  do: Schema.Literals(["put", "remove"]),
  order: Schema.Literals(["up", "down", "mixed"]),
  from: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 })),
  count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 700 }))
})

const Prefix = Schema.Literals(["", "n", "n0", "n1", "n12", "n1234", "n20", "m", "o", "n1.", "n12.x", "n~", "\uffff"])

/** Some are prefixes of others. */
const nameOf = (number: number): string => (number % 3 === 0 ? `n${number}.x` : `n${number}`)

describe("names in order", () => {
  it.prop(
    "are those of a sorted list, after any puts and removals, in blocks of bounded size",
    [Schema.Array(Op).check(Schema.isMaxLength(12)), Schema.Array(Prefix), Schema.Int],
    ([ops, prefixes, seed]) => {
      const random = Random.make(`${seed}`)
      const index = NameIndex.make<number>()
      const model = makeModel()
      let value = 0
      for (const { count, do: what, from, order } of ops) {
        const numbers = Array.from({ length: count }, (_, at) => from + (order === "down" ? count - at : at))
        if (order === "mixed") numbers.sort(() => random() - 0.5)
        for (const number of numbers) {
          const name = nameOf(number)
          value += 1
          if (what === "put") {
            NameIndex.put(index, name, value)
            model.values.set(name, value)
          } else {
            NameIndex.remove(index, name)
            model.values.delete(name)
          }
        }
        check(index, model)
        for (const prefix of [...prefixes, nameOf(from), `n${from}`])
          assert.deepStrictEqual([...NameIndex.withPrefix(index, prefix)], model.withPrefix(prefix), prefix)
      }
      for (const name of [...model.values.keys()]) NameIndex.remove(index, name)
      assert.isEmpty(index.blocks)
    },
    { arbitrary: { runs: 150 } }
  )

  it("that come in order fill their blocks", () => {
    const index = NameIndex.make<number>()
    for (let number = 0; number < 10 * NameIndex.blockMax; number++) NameIndex.put(index, `${1e6 + number}`, number)
    assert.lengthOf(index.blocks, 10)
  })
})
