/**
 * Log suppression: each message is logged once per pause, and a bounded number of messages per pause, however often and
 * for however many hosts they occur.
 */

/** Times of the messages logged, the oldest first. */
export interface Told {
  readonly pauseMillis: number
  readonly keysMax: number
  readonly shareMax: number
  readonly at: Map<string, { readonly since: number; readonly of: string }>
}

/** Allows each key once per `pauseMillis`, and per pause `keysMax` keys, of which `shareMax` of one owner. */
export const make = (pauseMillis: number, keysMax = 16, shareMax = keysMax): Told => ({
  ...{ pauseMillis, keysMax, shareMax, at: new Map() }
})

/** Returns true when `key` may be logged now, and counts it as logged. `of` names the owner that `shareMax` bounds. */
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
