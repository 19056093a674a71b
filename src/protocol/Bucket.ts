/** Token bucket: `max` tokens may be spent at once, and `perSecond` tokens are refilled. */

export interface Bucket {
  readonly max: number
  readonly perSecond: number
  /** Negative after a `charge` beyond the tokens left. */
  level: number
  at: number
}

export const make = (max: number, perSecond: number, nowMillis: number): Bucket => ({
  max,
  perSecond,
  level: max,
  at: nowMillis
})

/** Refills the bucket up to `nowMillis` and returns its tokens. */
export const level = (bucket: Bucket, nowMillis: number): number => {
  bucket.level = Math.min(bucket.max, bucket.level + (bucket.perSecond * (nowMillis - bucket.at)) / 1000)
  bucket.at = nowMillis
  return bucket.level
}

/** Takes `amount` tokens. Returns false, and takes nothing, when fewer are left. */
export const take = (bucket: Bucket, nowMillis: number, amount = 1): boolean => {
  const isThere = level(bucket, nowMillis) >= amount
  if (isThere) bucket.level -= amount
  return isThere
}

/** Takes `amount` tokens even if fewer are left. The refill pays that debt off first. */
export const charge = (bucket: Bucket, amount: number): void => {
  bucket.level -= amount
}

/** Returns the time in milliseconds at which the bucket holds `wanted` tokens, if nothing is taken before. */
export const reachedAt = ({ at, level, perSecond }: Bucket, wanted: number): number =>
  at + Math.ceil((1000 * Math.max(0, wanted - level)) / perSecond)
