/**
 * Token buckets, one per source.
 *
 * The table is bounded: when it is full, the source with the oldest `take` is evicted, which at worst grants it a full
 * bucket again.
 */
import * as Bucket from "./Bucket.ts"

export interface Buckets {
  /** Burst of one source, in tokens. */
  readonly max: number
  readonly perSecond: number
  readonly sourcesMax: number
  /** Buckets by source, in the order of their last `take`, the oldest first. */
  readonly bySource: Map<string, Bucket.Bucket>
}

const defaultSourcesMax = 4096

export const make = (perSecond: number, max = perSecond, sourcesMax = defaultSourcesMax): Buckets => ({
  max,
  perSecond,
  sourcesMax,
  bySource: new Map()
})

/** Takes `amount` tokens of a source. Returns false, and takes nothing, when its bucket holds fewer. */
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

/** Takes `amount` tokens of a source in the table even if its bucket holds fewer; a source not in it is ignored. */
export const charge = ({ bySource }: Buckets, source: string, amount: number): void => {
  const bucket = bySource.get(source)
  if (bucket !== undefined) Bucket.charge(bucket, amount)
}
