/**
 * Budget of one host for changes of its names: a burst of twice the names it may hold, and a steady rate.
 *
 * Shape: a token bucket for records and one for their bytes, both kept as the amount spent. A record is charged to
 * both, or to none. The lives of one host share a budget, since a host that restarts again and again deserves no more.
 */
import type { Limits } from "./DirectoryLimits.ts"
import { recordBytesMax } from "./NameRecords.ts"

export interface Spent {
  records: number
  bytes: number
  /** Time of the last charge, in milliseconds. */
  at: number
}

const burst = ({ hostBytesMax, hostNamesMax, tombstonesMax }: Limits): Pick<Spent, "records" | "bytes"> => {
  const tombstones = tombstonesMax * 1.25
  return { records: 2 * (hostNamesMax + tombstones), bytes: 2 * (hostBytesMax + tombstones * recordBytesMax) }
}

export const make = (now: number): Spent => ({ records: 0, bytes: 0, at: now })

/** Charges a record of `bytes` bytes. Returns false, and charges nothing, when too little is left. */
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
