/** Hosts whose name is known elsewhere, in the simulator. A hundred seeds: `npm run sim -- --experiment N6`. */
import { assert, describe, it } from "@effect/vitest"
import { cases, moved, visited, without } from "../../scripts/sim/experiments/NamesRivals.ts"
import { median, range } from "../../scripts/sim/Statistics.ts"

const seeds = range(12).map((seed) => `rivals ${seed}`)

describe("a name that is known elsewhere", () => {
  for (const { bound, refused, run, what } of cases)
    it(`${what}: all hosts show the right names in time, and whose name is taken is told`, () => {
      for (const seed of seeds) {
        const outcome = run(7, seed)
        assert.isAtMost(outcome.seconds, bound, `seed ${seed}`)
        assert.deepStrictEqual(
          { missing: outcome.missingSeconds, refused: outcome.refused, wrong: outcome.wrong },
          { missing: 0, refused, wrong: 0 },
          `seed ${seed}`
        )
      }
    })

  it("is worse off without the rule", () => {
    assert.isAbove(median(seeds.map((seed) => moved(7, seed, without).seconds)), 20)
    for (const seed of seeds.slice(0, 3)) assert.strictEqual(visited(7, seed, without).refused, 0, "no visitor is told")
  })
})
