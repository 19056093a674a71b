/**
 * What was told lately, and so goes without saying for a while: a log tells each thing once in a while, and so many things
 * at most, however often they happen and to however many.
 */

/** When each thing was told, the longest ago first. */
export interface Told {
  readonly pauseMillis: number
  readonly keysMax: number
  readonly shareMax: number
  readonly at: Map<string, { readonly since: number; readonly of: string }>
}

/** Each key once in `pauseMillis`, and in that time `keysMax` of them, of which `shareMax` are of one and the same. */
export const make = (pauseMillis: number, keysMax = 16, shareMax = keysMax): Told => ({
  ...{ pauseMillis, keysMax, shareMax, at: new Map() }
})

/** Whether to tell it now; then it counts as told. `of`: whose it is, where they share what may be told. */
export const isDue = (
  { at, keysMax, pauseMillis, shareMax }: Told,
  key: string,
  nowMillis: number,
  of = ""
): boolean => {
  for (const [old, { since }] of at) {
    if (nowMillis - since < pauseMillis) break
    at.delete(old)
  }
  if (at.has(key) || at.size >= keysMax) return false
  if (at.size >= shareMax && [...at.values()].filter((told) => told.of === of).length >= shareMax) return false
  at.set(key, { since: nowMillis, of })
  return true
}
