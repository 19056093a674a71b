/**
 * Cuts of a cluster: how long each side goes on to show the other, and how long until all are one again.
 *
 * A few seeds of what `npm run sim -- --experiment cut` does with a hundred.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cut from "../../scripts/sim/membership/Cut.ts"
import * as Profiles from "../../scripts/sim/membership/Profiles.ts"

const seeds = ["a", "b", "c", "d", "e", "f", "g", "h"]

/** It is work, not waiting, and the machine may be busy. */
const timeout = 120_000

const worst = (all: ReadonlyArray<number | undefined>): number =>
  Math.max(...all.map((millis) => millis ?? Number.POSITIVE_INFINITY))

describe("a cut", () => {
  it.each([1, 2, 3])(
    "of seven hosts ends the names of the others within 30 s on a side of %i, and heals within 10 s",
    (side) => {
      const all = seeds.map((seed) => Cut.run({ hosts: 7, side, cutMillis: 120_000, seed }))
      assert.isBelow(worst(all.map(({ smaller }) => smaller)), 30_000, JSON.stringify(all))
      assert.isBelow(worst(all.map(({ larger }) => larger)), 30_000, JSON.stringify(all))
      assert.isBelow(worst(all.map(({ healed }) => healed)), 10_000, JSON.stringify(all))
      assert.strictEqual(
        all.reduce((sum, { falseDeaths }) => sum + falseDeaths, 0),
        0
      )
    }
  )

  it.each([
    [7, 2],
    [64, 8]
  ])(
    "of %i hosts with a side of %i takes no longer than with the reference, in the median",
    { timeout },
    (hosts, side) => {
      const medianOf = (profile: Profiles.Profile): number => {
        const all = seeds.slice(0, 3).map((seed) => Cut.run({ hosts, side, cutMillis: 300_000, seed, profile }))
        return all.map(({ smaller = Number.POSITIVE_INFINITY }) => smaller).toSorted((a, b) => a - b)[1] ?? Number.NaN
      }
      assert.isBelow(medianOf(Profiles.grinta), medianOf(Profiles.reference))
    }
  )

  it("of ten minutes heals within 10 s, too", { timeout }, () => {
    const all = seeds.slice(0, 4).map((seed) => Cut.run({ hosts: 64, side: 32, cutMillis: 600_000, seed }))
    assert.isBelow(worst(all.map(({ healed }) => healed)), 10_000, JSON.stringify(all))
  })
})
