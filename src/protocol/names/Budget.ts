/**
 * What one host may change in its names: as much at once as it may hold twice over, and so much a second from then on.
 *
 * Shape: a token bucket for records and one for their bytes, both kept as what is spent. What a record costs is taken from
 * both, or from none. The lives of one host share a bucket, since a host that restarts again and again is no better.
 */
import type { Limits } from "./DirectoryLimits.ts"
import { recordBytesMax } from "./NameRecords.ts"

export interface Spent {
  records: number
  bytes: number
  /** In milliseconds. */
  at: number
}

const burst = ({ hostBytesMax, hostNamesMax, tombstonesMax }: Limits): Pick<Spent, "records" | "bytes"> => {
  const tombstones = tombstonesMax * 1.25
  return { records: 2 * (hostNamesMax + tombstones), bytes: 2 * (hostBytesMax + tombstones * recordBytesMax) }
}

export const make = (now: number): Spent => ({ records: 0, bytes: 0, at: now })

/** Takes a record of so many bytes; false when there is not enough left. */
export const take = (spent: Spent, limits: Limits, bytes: number, now: number): boolean => {
  const seconds = (now - spent.at) / 1000
  spent.records = Math.max(0, spent.records - seconds * limits.writerRecordsPerSecond)
  spent.bytes = Math.max(0, spent.bytes - seconds * limits.writerBytesPerSecond)
  spent.at = now
  const max = burst(limits)
  if (spent.records + 1 > max.records || spent.bytes + bytes > max.bytes) return false
  spent.records += 1
  spent.bytes += bytes
  return true
}
