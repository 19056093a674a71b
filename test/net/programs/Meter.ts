/** Counts what moves, and for how long nothing did. */
export interface Meter {
  bytes: number
  lastAt: number
  longestMillis: number
}

export const make = (now = performance.now()): Meter => ({ bytes: 0, lastAt: now, longestMillis: 0 })

export const add = (meter: Meter, bytes: number, now = performance.now()): void => {
  meter.bytes += bytes
  meter.longestMillis = Math.max(meter.longestMillis, now - meter.lastAt)
  meter.lastAt = now
}

/** From now on the longest silence is looked for anew. */
export const mark = (meter: Meter, now = performance.now()): void => {
  meter.lastAt = now
  meter.longestMillis = 0
}

/** The longest time in which nothing moved, the one that still lasts included. */
export const silence = (meter: Meter, now = performance.now()): number =>
  Math.max(meter.longestMillis, now - meter.lastAt)
