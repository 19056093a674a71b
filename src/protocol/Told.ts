/**
 * What was told lately, and so goes without saying for a while: a log tells each thing once in a while, and so many things
 * at most, however often they happen and to however many.
 */

/** When each thing was told, the longest ago first. */
export interface Told {
  readonly pauseMillis: number
  readonly keysMax: number
  readonly at: Map<string, number>
}

/** Each key once in `pauseMillis`, and `keysMax` of them in that time. */
export const make = (pauseMillis: number, keysMax = 16): Told => ({ pauseMillis, keysMax, at: new Map() })

/** Whether to tell it now; then it counts as told. */
export const isDue = ({ at, keysMax, pauseMillis }: Told, key: string, nowMillis: number): boolean => {
  for (const [old, since] of at) {
    if (nowMillis - since < pauseMillis) break
    at.delete(old)
  }
  if (at.has(key) || at.size >= keysMax) return false
  at.set(key, nowMillis)
  return true
}
