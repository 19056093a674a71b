/** Whether something that is sampled for long grows. */

/** One sample; `at` in seconds. */
export interface Sample {
  readonly at: number
  readonly value: number
}

export interface Trend {
  /** Of the second half of the samples: the first one is for warming up. */
  readonly mean: number
  /** Growth from its beginning to its end, and the bounds between which it lies with 95 %. */
  readonly growth: number
  readonly low: number
  readonly high: number
  readonly verdict: "flat" | "grows" | "too short"
}

/** Neighbours are alike, so the means of so many stretches stand for the samples: they are nearly independent. */
const stretches = 20

/** Student's t of 95 % for the line through so many means. */
const student = 2.101

/** Growth that counts, as a share of the mean. */
const shareMin = 0.02

const meanOf = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

/** The trend of the second half. It grows when that is certain, and more than a little. */
export const trendOf = (samples: ReadonlyArray<Sample>): Trend => {
  const half = samples.slice(Math.floor(samples.length / 2))
  const mean = meanOf(half.map(({ value }) => value))
  const [first, last] = [half[0], half.at(-1)]
  if (half.length < stretches || first === undefined || last === undefined)
    return { mean, growth: Number.NaN, low: Number.NaN, high: Number.NaN, verdict: "too short" }
  const points = Array.from({ length: stretches }, (_, i) => {
    const part = half.slice((i * half.length) / stretches, ((i + 1) * half.length) / stretches)
    return { x: meanOf(part.map(({ at }) => at)), y: meanOf(part.map(({ value }) => value)) }
  })
  const [x, y] = [meanOf(points.map((point) => point.x)), meanOf(points.map((point) => point.y))]
  const sum = (of: (dx: number, dy: number) => number): number =>
    points.reduce((so, point) => so + of(point.x - x, point.y - y), 0)
  const spread = sum((dx) => dx * dx)
  const slope = sum((dx, dy) => dx * dy) / spread
  const error = Math.sqrt(sum((dx, dy) => (dy - slope * dx) ** 2) / (stretches - 2) / spread)
  const seconds = last.at - first.at
  const growth = slope * seconds
  const margin = student * error * seconds
  const grows = growth - margin > 0 && growth > shareMin * mean
  return { mean, growth, low: growth - margin, high: growth + margin, verdict: grows ? "grows" : "flat" }
}
