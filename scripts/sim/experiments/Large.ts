/** X1 and X3 once more, in a cluster that is large for one machine. Source: SWIM, 5.2. */
import type { Experiment, Row } from "../Report.ts"
import { isNear, mean, median, quantile, range } from "../Statistics.ts"
import { expectedPeriods, together } from "./Detection.ts"
import { infection, logistic } from "./Infection.ts"

/** Hosts, and how often a piece of news is spread. Ten thousand hosts keep 10^8 records, in 11 GB. */
const extents = { quick: [500, 3], subset: [2000, 9], full: [10_000, 1] } as const

/** Members that fall silent at once: they do not probe each other, so the others do it a little later. */
const silentShare = 0.02

export const experiment: Experiment = {
  id: "large",
  title: "X1 and X3 in a large cluster",
  criterion:
    "In periods. X1: 2 % of the members fall silent at once; the mean holds within 5 % of the exact expectation. X3 holds within 20 % of the logistic model.",
  run: (extent, tell) => {
    const [n, times] = extents[extent]
    const count = silentShare * n
    const unit = "T'"
    tell(0, 1 + times)
    const found = together(n, count, `large ${n}`)
    const exact = expectedPeriods(n, n - count)
    const half = median(
      range(times).map((i) => {
        tell(1 + i, 1 + times)
        return infection(n, `large ${n} ${i}`).half
      })
    )
    const rows: ReadonlyArray<Row> = [
      {
        what: `X1, mean of ${found.length} members, n = ${n}`,
        published: exact,
        ours: mean(found),
        unit,
        holds: found.length === count && isNear(mean(found), exact, 0.05),
        note: "published: the exact expectation"
      },
      { what: `X1, 99 %, n = ${n}`, published: 5, ours: quantile(found, 0.99), unit },
      {
        what: `X3, median of ${times} runs, n = ${n}`,
        published: logistic(n),
        ours: half,
        unit,
        holds: isNear(half, logistic(n), 0.2),
        note: "the model"
      }
    ]
    return rows
  }
}
