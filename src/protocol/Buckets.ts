/**
 * A token bucket for each source of something.
 *
 * The table is bounded: of more sources, the one that took least lately is forgotten, which at worst grants it a full
 * bucket again.
 */
import * as Bucket from "./Bucket.ts"

export interface Buckets {
  /** What a source may take at once. */
  readonly max: number
  readonly perSecond: number
  readonly sourcesMax: number
  /** By source; the one that took something last is the last. */
  readonly bySource: Map<string, Bucket.Bucket>
}

const defaultSourcesMax = 4096

export const make = (perSecond: number, max = perSecond, sourcesMax = defaultSourcesMax): Buckets => ({
  max,
  perSecond,
  sourcesMax,
  bySource: new Map()
})

/** Takes so much for a source; false, and nothing is taken, when it has less left. */
export const take = (
  { bySource, max, perSecond, sourcesMax }: Buckets,
  source: string,
  nowMillis: number,
  amount = 1
): boolean => {
  const bucket = bySource.get(source) ?? Bucket.make(max, perSecond, nowMillis)
  bySource.delete(source)
  if (bySource.size >= sourcesMax)
    for (const oldest of bySource.keys()) {
      bySource.delete(oldest)
      break
    }
  bySource.set(source, bucket)
  return Bucket.take(bucket, nowMillis, amount)
}

/** Takes so much for a source that has taken something lately, whether or not it has as much left. */
export const charge = ({ bySource }: Buckets, source: string, amount: number): void => {
  const bucket = bySource.get(source)
  if (bucket !== undefined) Bucket.charge(bucket, amount)
}
