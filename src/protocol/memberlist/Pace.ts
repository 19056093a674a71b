/**
 * Limits how fast a host reads streams that no key has opened: backpressure holds the excess at the sender.
 *
 * The first `freeBytes` of a stream are free, so that a host can join however much others send. Bytes that a key
 * opens are refunded at once. Without keys all bytes count.
 */
import * as Bucket from "../Bucket.ts"
import * as Buckets from "../Buckets.ts"
import { freeBytes } from "./Held.ts"

/** Bytes per second of one address, and its burst: a legal payload has 20 MiB. */
export const sourcePaceBytesPerSecond = 8_388_608
export const sourcePaceBytesBurst = 33_554_432

/** Bytes per second, and the burst, of all addresses without a member together. */
export const strangerPaceBytesPerSecond = 33_554_432
export const strangerPaceBytesBurst = 67_108_864

export interface Pace {
  readonly sources: Buckets.Buckets
  readonly strangers: Bucket.Bucket
}

/** Bytes read from one stream. */
export interface Read {
  readonly source: string
  readonly isMember: boolean
  bytes: number
  /** The part of `bytes` that was charged. */
  countedBytes: number
  isOpened: boolean
}

export const make = (nowMillis: number): Pace => ({
  sources: Buckets.make(sourcePaceBytesPerSecond, sourcePaceBytesBurst),
  strangers: Bucket.make(strangerPaceBytesBurst, strangerPaceBytesPerSecond, nowMillis)
})

export const read = (source: string, isMember: boolean): Read => ({
  ...{ source, isMember, bytes: 0, countedBytes: 0, isOpened: false }
})

/** Whether the host may read more of a stream now. */
export const isDue = ({ sources, strangers }: Pace, read: Read, nowMillis: number): boolean => {
  if (read.isOpened || read.bytes < freeBytes) return true
  return Buckets.take(sources, read.source, nowMillis, 0) && (read.isMember || Bucket.take(strangers, nowMillis, 0))
}

const count = ({ sources, strangers }: Pace, read: Read, bytes: number): void => {
  read.countedBytes += bytes
  Buckets.charge(sources, read.source, bytes)
  if (!read.isMember) Bucket.charge(strangers, bytes)
}

/** Charges `bytes` more bytes read. */
export const charge = (pace: Pace, read: Read, bytes: number): void => {
  read.bytes += bytes
  if (!read.isOpened) count(pace, read, Math.max(0, read.bytes - freeBytes) - read.countedBytes)
}

/** Marks a stream as opened by a key: refunds its charged bytes, and later bytes are free. */
export const open = (pace: Pace, read: Read): void => {
  if (read.isOpened) return
  read.isOpened = true
  count(pace, read, -read.countedBytes)
}
