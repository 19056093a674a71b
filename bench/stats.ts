/** What is said of repeated measurements: the middle, and how far they spread. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export const summary = (values: ReadonlyArray<number>): Summary => ({
  median: percentile(values, 0.5),
  min: Math.min(...values),
  max: Math.max(...values)
})
