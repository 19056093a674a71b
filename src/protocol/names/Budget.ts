/**
 * Budget of one host for changes of its names: a burst of twice the names it may hold, and a steady rate.
 *
 * Shape: a token bucket for records and one for their bytes; a record is charged to both, or to none. The lives of one
 * host share a budget, since a host that restarts again and again deserves no more.
 */
import * as Bucket from "../Bucket.ts"
import type { Limits } from "./DirectoryLimits.ts"
import { recordBytesMax } from "./NameRecords.ts"

export interface Budget {
  readonly records: Bucket.Bucket
  readonly bytes: Bucket.Bucket
}

/** A full budget. */
export const make = (limits: Limits, nowMillis: number): Budget => {
  const { hostBytesMax, hostNamesMax, writerBytesPerSecond, writerRecordsPerSecond } = limits
  const tombstones = limits.tombstonesMax * 1.25
  const bytesMax = 2 * (hostBytesMax + tombstones * recordBytesMax)
  return {
    records: Bucket.make(2 * (hostNamesMax + tombstones), writerRecordsPerSecond, nowMillis),
    bytes: Bucket.make(bytesMax, writerBytesPerSecond, nowMillis)
  }
}

/** Charges a record of `recordBytes` bytes. Returns false, and charges nothing, when too little is left. */
export const take = ({ bytes, records }: Budget, recordBytes: number, nowMillis: number): boolean => {
  if (Bucket.level(bytes, nowMillis) < recordBytes || !Bucket.take(records, nowMillis)) return false
  Bucket.charge(bytes, recordBytes)
  return true
}
