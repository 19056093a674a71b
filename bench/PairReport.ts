/** What pairs of measurements say: how today's figure stands to the release's, and how sure that is. */
import type { Figure } from "./flow/Row.ts"
import { number } from "./Report.ts"
import { median } from "./stats.ts"

/** Both figures of one pair. */
export interface Pair {
  readonly ours: number
  readonly theirs: number
}

export interface Interval {
  readonly low: number
  readonly high: number
}

export interface Comparison {
  readonly figure: Figure
  readonly pairs: number
  readonly ours: number
  readonly theirs: number
  /** The median of what each pair says, above 1 for better than the release. */
  readonly ratio: number
  /** Undefined when there are too few pairs. */
  readonly interval: Interval | undefined
}

const confidence = 0.95

/** How likely a fair coin that is thrown so many times shows heads at most so often. */
const atMostHeads = (throws: number, heads: number): number => {
  let one = 0.5 ** throws
  let sum = one
  for (let k = 1; k <= heads; k++) {
    one *= (throws - k + 1) / k
    sum += one
  }
  return sum
}

/**
 * The exact interval of the median by order statistics: it asks nothing of how the values are distributed. The median lies
 * below the k-th lowest value as seldom as a coin shows heads fewer than k times. At 20 values these are the 6th from below
 * and from above. It covers the median at least as often as its confidence says.
 */
export const intervalOf = (values: ReadonlyArray<number>): Interval | undefined => {
  const sorted = [...values].sort((a, b) => a - b)
  let cut = 0
  while (2 * atMostHeads(sorted.length, cut) <= 1 - confidence) cut += 1
  const low = sorted[cut - 1]
  const high = sorted[sorted.length - cut]
  return low === undefined || high === undefined ? undefined : { low, high }
}

export const compare = (figure: Figure, pairs: ReadonlyArray<Pair>): Comparison => {
  const ratios = pairs.map(({ ours, theirs }) => (figure.better === "higher" ? ours / theirs : theirs / ours))
  return {
    figure,
    pairs: pairs.length,
    ours: median(pairs.map(({ ours }) => ours)),
    theirs: median(pairs.map(({ theirs }) => theirs)),
    ratio: median(ratios),
    interval: intervalOf(ratios)
  }
}

const ratioText = ({ ratio }: Comparison): string => `${ratio.toFixed(3)}x`

const intervalText = ({ interval }: Comparison): string =>
  interval === undefined ? "too few pairs" : `${interval.low.toFixed(3)} .. ${interval.high.toFixed(3)}`

/** For a terminal. */
export const text = (comparison: Comparison, version: string): string => {
  const { figure, ours, pairs, theirs } = comparison
  return (
    `  ${figure.name.padEnd(14)} ${ratioText(comparison)}  [${intervalText(comparison)}]  ${pairs} pairs, ` +
    `${number(ours)} beside ${number(theirs)} ${figure.unit} of ${version}`
  )
}

export const table = (comparisons: ReadonlyArray<Comparison>, ours: string, theirs: string): string =>
  [
    `| | ${ours} beside ${theirs} | 95 % interval | pairs | ${ours}, median | ${theirs}, median | |`,
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ...comparisons.map((one) => {
      const { figure, ours, pairs, theirs } = one
      const cells = [figure.title, ratioText(one), intervalText(one), pairs, number(ours), number(theirs), figure.unit]
      return `| ${cells.join(" | ")} |`
    })
  ].join("\n")
