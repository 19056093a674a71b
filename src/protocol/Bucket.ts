/** A token bucket: what may be used up at once, and comes back with time. */

export interface Bucket {
  readonly max: number
  readonly perSecond: number
  /** Below 0 when more was taken than there was. */
  level: number
  at: number
}

export const make = (max: number, perSecond: number, nowMillis: number): Bucket => ({
  max,
  perSecond,
  level: max,
  at: nowMillis
})

/** What there is now. */
export const level = (bucket: Bucket, nowMillis: number): number => {
  bucket.level = Math.min(bucket.max, bucket.level + (bucket.perSecond * (nowMillis - bucket.at)) / 1000)
  bucket.at = nowMillis
  return bucket.level
}

/** Takes so much; false, and nothing is taken, when there is less. */
export const take = (bucket: Bucket, nowMillis: number, amount = 1): boolean => {
  const isThere = level(bucket, nowMillis) >= amount
  if (isThere) bucket.level -= amount
  return isThere
}

/** Takes so much, whether or not there is as much: what is missing comes back first. */
export const charge = (bucket: Bucket, amount: number): void => {
  bucket.level -= amount
}

/** When there is as much as this, if nothing is taken before. */
export const reachedAt = ({ at, level, perSecond }: Bucket, wanted: number): number =>
  at + Math.ceil((1000 * Math.max(0, wanted - level)) / perSecond)
