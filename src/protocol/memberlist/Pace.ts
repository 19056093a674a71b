/**
 * How fast a host reads what is not opened with a key: what comes faster waits with its sender, as a full network would have it.
 *
 * The first bytes of a stream are free, so that a host can join however much others send. What turns out to be sealed under a
 * key is given back at once. Without keys all is counted.
 */
import * as Bucket from "../Bucket.ts"
import * as Buckets from "../Buckets.ts"
import { freeBytes } from "./Held.ts"

/** Bytes a second of one address, and at once: a legal payload has 20 MiB. */
export const sourcePaceBytesPerSecond = 8_388_608
export const sourcePaceBytesBurst = 33_554_432

/** The same of all addresses at which no member is. */
export const strangerPaceBytesPerSecond = 33_554_432
export const strangerPaceBytesBurst = 67_108_864

export interface Pace {
  readonly sources: Buckets.Buckets
  readonly strangers: Bucket.Bucket
}

/** What was read of one stream. */
export interface Read {
  readonly source: string
  readonly isMember: boolean
  bytes: number
  /** What of them is counted. */
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

/** Whether more of a stream may be read by now. */
export const isDue = ({ sources, strangers }: Pace, read: Read, nowMillis: number): boolean => {
  if (read.isOpened || read.bytes < freeBytes) return true
  return Buckets.take(sources, read.source, nowMillis, 0) && (read.isMember || Bucket.take(strangers, nowMillis, 0))
}

const count = ({ sources, strangers }: Pace, read: Read, bytes: number): void => {
  read.countedBytes += bytes
  Buckets.charge(sources, read.source, bytes)
  if (!read.isMember) Bucket.charge(strangers, bytes)
}

/** So many bytes were read. */
export const charge = (pace: Pace, read: Read, bytes: number): void => {
  read.bytes += bytes
  if (!read.isOpened) count(pace, read, Math.max(0, read.bytes - freeBytes) - read.countedBytes)
}

/** What was read is opened: nothing of it is counted, nor of what comes after it. */
export const open = (pace: Pace, read: Read): void => {
  if (read.isOpened) return
  read.isOpened = true
  count(pace, read, -read.countedBytes)
}
