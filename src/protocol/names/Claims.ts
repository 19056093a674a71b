/**
 * Records of one life of one host: its claims, and its tombstones for a while.
 *
 * Invariant: a name is either claimed or withdrawn, by its record of the highest version.
 */
import { type NameRecord, recordBytes } from "./NameRecords.ts"

export interface Tombstone {
  readonly record: NameRecord
  /** Time at which this host learned of it, in milliseconds. */
  readonly at: number
}

export interface Claims {
  readonly generation: number
  readonly live: Map<string, NameRecord>
  /** Tombstones by name, in the order in which they were learned of. */
  readonly tombstones: Map<string, Tombstone>
  /** Upper bound of the live records on the wire, in bytes. */
  liveBytes: number
  tombstoneBytes: number
  /** Highest version seen in this life. */
  versionMax: number
  /** Highest version of a forgotten tombstone: an older tombstone does not come back. */
  floor: number
  /**
   * All records up to this version are here, except those that the writer replaced or that were forgotten. That stays
   * true when the writer goes on, and when the records are passed on with the number. At most `versionMax`.
   */
  complete: number
  /** Versions above `complete` that came without those between. */
  readonly beyond: Set<number>
  /** Checksum of the live records, equal for equal ones; see `HostDigest.mark`. */
  mark: number
}

/** Versions remembered beyond a gap; more of them take a delta. */
const beyondMax = 1024

export const make = (generation: number): Claims => ({
  generation,
  live: new Map(),
  tombstones: new Map(),
  liveBytes: 0,
  tombstoneBytes: 0,
  versionMax: 0,
  floor: 0,
  complete: 0,
  beyond: new Set(),
  mark: 0
})

const ownerships = { unique: 1, group: 2 } as const

const markOf = ({ contract, name, ownership, version }: NameRecord): number => {
  const text = `${version}/${ownerships[ownership]}/${contract}/${name}`
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

const remark = (claims: Claims, record: NameRecord): void => {
  claims.mark = (claims.mark ^ markOf(record)) >>> 0
}

export const size = ({ live, tombstones }: Claims): number => live.size + tombstones.size

export const bytes = ({ liveBytes, tombstoneBytes }: Claims): number => liveBytes + tombstoneBytes

export const get = (claims: Claims, name: string): NameRecord | undefined =>
  claims.live.get(name) ?? claims.tombstones.get(name)?.record

const drop = (claims: Claims, name: string): void => {
  const live = claims.live.get(name)
  if (live !== undefined) {
    claims.live.delete(name)
    remark(claims, live)
    claims.liveBytes -= recordBytes(live)
  }
  const tombstone = claims.tombstones.get(name)
  if (tombstone !== undefined) {
    claims.tombstones.delete(name)
    claims.tombstoneBytes -= recordBytes(tombstone.record)
  }
}

/** Puts a record, in place of the one of the same name. */
export const put = (claims: Claims, record: NameRecord, now: number): void => {
  drop(claims, record.name)
  if (record.isTombstone) {
    claims.tombstones.set(record.name, { record, at: now })
    claims.tombstoneBytes += recordBytes(record)
  } else {
    claims.live.set(record.name, record)
    remark(claims, record)
    claims.liveBytes += recordBytes(record)
  }
  claims.versionMax = Math.max(claims.versionMax, record.version)
}

const closeGap = (claims: Claims): void => {
  while (claims.beyond.delete(claims.complete + 1)) claims.complete += 1
}

/** Notes that the record of this version, or its successor, is here. */
export const noteVersion = (claims: Claims, version: number): void => {
  if (version > claims.complete + 1) {
    if (claims.beyond.size < beyondMax) claims.beyond.add(version)
    return
  }
  if (version <= claims.complete) return
  claims.complete = version
  closeGap(claims)
}

/**
 * Notes that all records above `after` and up to `until` are here. `complete` stays within the versions seen, so that a
 * mere number leads no host to believe that it has more than there is.
 */
export const noteRange = (claims: Claims, after: number, until: number): void => {
  if (after > claims.complete) return
  claims.complete = Math.max(claims.complete, Math.min(until, claims.versionMax))
  for (const version of claims.beyond) if (version <= claims.complete) claims.beyond.delete(version)
  closeGap(claims)
}

/** Returns how many versions known to exist above a gap may be missing here. */
export const missing = ({ beyond, complete, versionMax }: Claims): number => versionMax - complete - beyond.size

/** Returns the records above a version, in the order of versions. */
export const above = (claims: Claims, version: number): ReadonlyArray<NameRecord> => {
  if (version >= claims.versionMax) return []
  const found: Array<NameRecord> = []
  for (const record of claims.live.values()) if (record.version > version) found.push(record)
  for (const { record } of claims.tombstones.values()) if (record.version > version) found.push(record)
  return found.sort((a, b) => a.version - b.version)
}

const forget = (claims: Claims, { name, version }: NameRecord): void => {
  drop(claims, name)
  claims.floor = Math.max(claims.floor, version)
}

/**
 * Forgets the tombstones learned of at `until` or before. The latest record of the host stays, whatever it is: without
 * it nobody could prove to be complete.
 */
export const expire = (claims: Claims, until: number): void => {
  // Tombstones are in the order of `at`.
  for (const { at, record } of claims.tombstones.values()) {
    if (at > until) break
    if (record.version < claims.versionMax) forget(claims, record)
  }
}

/** Forgets the oldest tombstones once there are a quarter more than `countMax`, so that the sorting is paid rarely. */
export const trim = (claims: Claims, countMax: number): void => {
  if (claims.tombstones.size <= countMax * 1.25) return
  const records = [...claims.tombstones.values()].map(({ record }) => record).sort((a, b) => b.version - a.version)
  for (const record of records.slice(countMax)) forget(claims, record)
}
