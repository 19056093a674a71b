/** Cuts into two sides of unlike size, beside the reference, and how soon they heal. Source: faults.md, N7 and N8. */
import * as Cut from "../membership/Cut.ts"
import { grinta, type Profile, reference } from "../membership/Profiles.ts"
import type { Experiment, Row } from "../Report.ts"
import { median, range } from "../Statistics.ts"

/** Hosts, and how many of them are on the smaller side. */
const cuts = [
  [7, 1],
  [7, 2],
  [7, 3],
  [16, 1],
  [16, 4],
  [16, 8],
  [32, 4],
  [64, 1],
  [64, 8],
  [64, 32]
] as const

const minutes = 10

/** Within this a side of seven hosts has stopped to show the others, and a healed cluster is one again. */
export const boundSeconds = { shown: 30, healed: 10 }

const secondsOf = (millis: ReadonlyArray<number | undefined>): ReadonlyArray<number> =>
  millis.map((one) => (one ?? Number.POSITIVE_INFINITY) / 1000)

const rowsOf = (
  hosts: number,
  side: number,
  of: (profile: Profile) => ReadonlyArray<Cut.Times>
): ReadonlyArray<Row> => {
  const [ours, theirs] = [of(grinta), of(reference)]
  const what = `n = ${hosts}, smaller side ${side}`
  const isBound = (seconds: number): boolean => hosts > 7 || seconds < boundSeconds.shown
  const rows = (["smaller", "larger"] as const).flatMap((which): ReadonlyArray<Row> => {
    const [mine, other] = [secondsOf(ours.map((one) => one[which])), secondsOf(theirs.map((one) => one[which]))]
    const row = (how: string, measure: (seconds: ReadonlyArray<number>) => number, isBounded: boolean): Row => ({
      what: `${what}: the ${which} shows the other, ${how}`,
      published: measure(other),
      ours: measure(mine),
      digits: 1,
      unit: "s",
      ...(isBounded && { holds: measure(mine) <= measure(other) && isBound(measure(mine)) })
    })
    return [
      row("median", median, which === "smaller"),
      row("slowest", (seconds) => Math.max(...seconds), which === "smaller")
    ]
  })
  const healed = secondsOf(ours.map((one) => one.healed))
  const slowest = Math.max(...healed)
  return [
    ...rows,
    { what: `${what}: healed, median`, published: undefined, ours: median(healed), digits: 1, unit: "s" },
    {
      ...{ what: `${what}: healed, slowest`, published: boundSeconds.healed, ours: slowest, digits: 1, unit: "s" },
      holds: slowest <= boundSeconds.healed
    },
    {
      ...{ what: `${what}: deaths on the own side`, published: undefined, digits: 0 },
      ours: ours.reduce((sum, { falseDeaths }) => sum + falseDeaths, 0)
    }
  ]
}

export const experiment: Experiment = {
  id: "cut",
  title: "a cut into two sides of unlike size",
  criterion: `A cut of ${minutes} minutes; seconds until no host of a side shows one of the other, published: the same with the reference; then seconds from the heal until all see all. The smaller side holds when it is not slower than with the reference, and with seven hosts below ${boundSeconds.shown} s; a heal holds within ${boundSeconds.healed} s.`,
  run: (extent, tell) => {
    const seeds = range(extent === "quick" ? 5 : 100)
    const total = cuts.length * seeds.length * 2
    let done = 0
    return cuts.flatMap(([hosts, side]) =>
      rowsOf(hosts, side, (profile) =>
        seeds.map((i) => {
          tell(done++, total)
          const seed = `cut ${hosts} ${side} ${i}`
          return Cut.run({ hosts, side, cutMillis: minutes * 60_000, seed, profile })
        })
      )
    )
  }
}
