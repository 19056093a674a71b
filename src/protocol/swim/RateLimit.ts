/**
 * A token bucket per source: so many per second, and as many at once.
 *
 * The table is bounded; the source seen first is forgotten first, which at worst grants it a full bucket again.
 */

interface Bucket {
  tokens: number
  atMillis: number
}

export interface RateLimit {
  readonly perSecond: number
  readonly buckets: Map<string, Bucket>
}

const sourcesMax = 4096

export const make = (perSecond: number): RateLimit => ({ perSecond, buckets: new Map() })

/** Takes one token; false when the source has none left. */
export const take = (limit: RateLimit, source: string, nowMillis: number): boolean => {
  let bucket = limit.buckets.get(source)
  if (bucket === undefined) {
    const oldest = limit.buckets.size >= sourcesMax ? limit.buckets.keys().next().value : undefined
    if (oldest !== undefined) limit.buckets.delete(oldest)
    bucket = { tokens: limit.perSecond, atMillis: nowMillis }
    limit.buckets.set(source, bucket)
  }
  const earned = ((nowMillis - bucket.atMillis) / 1000) * limit.perSecond
  bucket.tokens = Math.min(limit.perSecond, bucket.tokens + earned)
  bucket.atMillis = nowMillis
  if (bucket.tokens < 1) return false
  bucket.tokens -= 1
  return true
}
