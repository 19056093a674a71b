/** The verdict of a soak on what it has sampled. */
import { assert, describe, it } from "vitest"
import { svg } from "../../scripts/net/SoakPlot.ts"
import { type Sample, trendOf } from "../../scripts/net/Trend.ts"
import * as Random from "../../src/testing/Random.ts"

/** Once a second for so many: a heap that is filled and collected, on ground that rises by so much in all. */
const heap = (seconds: number, rise: number, seed: string): ReadonlyArray<Sample> => {
  const random = Random.make(seed)
  return Array.from({ length: seconds }, (_, at) => ({
    at,
    value: 100 + (at % 17) + 5 * random() + (rise * at) / seconds
  }))
}

describe("the trend of a figure", () => {
  it.each(["a", "b", "c", "d", "e"])("is flat for a saw on flat ground, seed %s", (seed) => {
    assert.strictEqual(trendOf(heap(3600, 0, seed)).verdict, "flat")
  })

  it("grows on ground that rises, by as much as it rises in the second half", () => {
    const { growth, high, low, mean, verdict } = trendOf(heap(3600, 20, "a"))
    assert.strictEqual(verdict, "grows")
    assert.closeTo(growth, 10, 1)
    assert.closeTo(mean, 110.5 + 15, 2)
    assert.isTrue(low < growth && growth < high)
  })

  it("has no verdict on a few samples, and none of growth on what only falls", () => {
    assert.strictEqual(trendOf(heap(38, 0, "a")).verdict, "too short")
    assert.strictEqual(trendOf(heap(3600, -50, "a")).verdict, "flat")
  })

  it("does not look at the first half, in which a process warms up", () => {
    const samples = heap(3600, 0, "a").map(({ at, value }) => ({ at, value: at < 1800 ? value / 4 : value }))
    assert.strictEqual(trendOf(samples).verdict, "flat")
  })
})

it("the picture of a soak has a line for each host in each panel", () => {
  const lines = ["caller", "peer"].map((name) => ({ name, samples: heap(120, 0, name) }))
  const picture = svg("a < b", [
    { title: "heap", lines },
    { title: "lag", lines }
  ])
  assert.match(picture, /a &lt; b/)
  assert.strictEqual(picture.match(/<polyline/g)?.length, 4)
  assert.notMatch(picture, /NaN|Infinity|undefined/)
})
