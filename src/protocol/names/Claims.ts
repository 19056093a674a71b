/**
 * The records of one life of one host: its claims, and its tombstones for a while.
 *
 * Invariant: a name is either claimed or withdrawn, by its record of the highest version.
 */
import { type NameRecord, recordBytes } from "./NameRecords.ts"

export interface Tombstone {
  readonly record: NameRecord
  /** When this host learned of it, in milliseconds. */
  readonly at: number
}

export interface Claims {
  readonly generation: number
  readonly live: Map<string, NameRecord>
  readonly tombstones: Map<string, Tombstone>
  /** Upper bound of what the live records take on the wire, in bytes. */
  liveBytes: number
  tombstoneBytes: number
  /** Highest version seen in this life. */
  versionMax: number
  /** Highest version of a tombstone that is no longer kept: an older one does not come back. */
  floor: number
}

export const make = (generation: number): Claims => ({
  generation,
  live: new Map(),
  tombstones: new Map(),
  liveBytes: 0,
  tombstoneBytes: 0,
  versionMax: 0,
  floor: 0
})

export const size = ({ live, tombstones }: Claims): number => live.size + tombstones.size

export const bytes = ({ liveBytes, tombstoneBytes }: Claims): number => liveBytes + tombstoneBytes

export const get = (claims: Claims, name: string): NameRecord | undefined =>
  claims.live.get(name) ?? claims.tombstones.get(name)?.record

const drop = (claims: Claims, name: string): void => {
  const live = claims.live.get(name)
  if (live !== undefined) {
    claims.live.delete(name)
    claims.liveBytes -= recordBytes(live)
  }
  const tombstone = claims.tombstones.get(name)
  if (tombstone !== undefined) {
    claims.tombstones.delete(name)
    claims.tombstoneBytes -= recordBytes(tombstone.record)
  }
}

/** Puts a record in the place of the one of the same name. */
export const put = (claims: Claims, record: NameRecord, now: number): void => {
  drop(claims, record.name)
  if (record.isTombstone) {
    claims.tombstones.set(record.name, { record, at: now })
    claims.tombstoneBytes += recordBytes(record)
  } else {
    claims.live.set(record.name, record)
    claims.liveBytes += recordBytes(record)
  }
  claims.versionMax = Math.max(claims.versionMax, record.version)
}

const forget = (claims: Claims, { name, version }: NameRecord): void => {
  drop(claims, name)
  claims.floor = Math.max(claims.floor, version)
}

/** Forgets the tombstones learned of at `until` or before. */
export const expire = (claims: Claims, until: number): void => {
  for (const { at, record } of claims.tombstones.values()) if (at <= until) forget(claims, record)
}

/** Forgets the oldest tombstones once there are a quarter more than `countMax`, so that the sorting is paid rarely. */
export const trim = (claims: Claims, countMax: number): void => {
  if (claims.tombstones.size <= countMax * 1.25) return
  const records = [...claims.tombstones.values()].map(({ record }) => record).sort((a, b) => b.version - a.version)
  for (const record of records.slice(countMax)) forget(claims, record)
}
