/** Mutations of `npm run mutants`: each applies to the sources as they are, and names tests that are there. */
import { existsSync } from "node:fs"
import { assert, describe, it } from "vitest"
import * as Mutate from "../../scripts/mutants/Mutate.ts"
import { mutants } from "../../scripts/mutants/mutants.ts"

const root = new URL("../..", import.meta.url).pathname
const sources = Mutate.sourcesIn(root)

describe("mutants", () => {
  it.each(mutants)("$law: $mutation", (mutant) => {
    const mutated = Mutate.apply(sources, mutant)
    if ("wrong" in mutated) assert.fail(mutated.wrong)
    assert.notInclude(
      sources.map(({ text }) => text),
      mutated.text
    )
    for (const test of mutant.tests) assert.isTrue(existsSync(`${root}${test.split(": ")[0]}`), `there is no ${test}`)
  })

  it("says what does not apply any more, or more than once", () => {
    const sources = [
      { path: "src/a.ts", text: "one two" },
      { path: "src/b.ts", text: "two" }
    ]
    assert.deepStrictEqual(Mutate.apply(sources, { from: "one", to: "$&" }), { path: "src/a.ts", text: "$& two" })
    assert.deepInclude(Mutate.apply(sources, { from: "two", to: "" }), {
      wrong: "its text is in src 2 times, not once: two"
    })
    assert.deepInclude(Mutate.apply(sources, { from: "three", to: "" }), {
      wrong: "its text is in src 0 times, not once: three"
    })
  })
})
