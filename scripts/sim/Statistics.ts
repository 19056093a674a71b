/** Plain statistics of plain numbers. */

export const mean = (values: ReadonlyArray<number>): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length

/** The smallest value that this share of all values does not exceed. */
export const quantile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN
}

export const median = (values: ReadonlyArray<number>): number => quantile(values, 0.5)

/** Whether a value lies within a share of another. */
export const isNear = (value: number, other: number, share: number): boolean =>
  Math.abs(value - other) <= share * Math.abs(other)

export const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)
