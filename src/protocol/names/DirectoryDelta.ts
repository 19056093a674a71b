/**
 * Delta: the records that another directory lacks according to its digest, sent in pieces of bounded size.
 *
 * A directory knows up to which version it is complete for each life of a host, and lacks the records above that. A
 * piece names the range of versions that it holds without a gap, so that its receiver can claim the same from then on,
 * and so that a lost piece is asked for again. Two directories that are equally complete and yet differ, which takes a
 * forgery or a partition that outlasts tombstones, exchange all records of that host: then its owner sees the error.
 * Source: design.md, section 4; faults.md, rows R2, R7 and O7.
 */
import * as Claims from "./Claims.ts"
import { type Digest, type HostDigest, hostsMax, type Range } from "./Digest.ts"
import { type Directory, isGiven, type Known } from "./DirectoryState.ts"
import { type NameRecord, recordBytes } from "./NameRecords.ts"

/** One message of a delta. */
export interface Piece {
  readonly records: ReadonlyArray<NameRecord>
  readonly ranges: ReadonlyArray<Range>
}

export interface Pieces {
  readonly pieces: ReadonlyArray<Piece>
  /** True when more than `piecesMax` pieces are lacking, or more may be found. */
  readonly hasMore: boolean
}

export interface Bounds {
  readonly pieceBytesMax: number
  readonly pieceRecordsMax: number
  readonly piecesMax: number
  /** Records examined for one delta, over hosts with lacking records; the last host may exceed it. */
  readonly lookedAtMax: number
  /** Hosts covered by a digest. */
  readonly digestHostsMax: number
  /** Bytes of records up to which they ride along with the digest of a push/pull. */
  readonly stateRecordsBytesMax: number
}

export const bounds: Bounds = {
  pieceBytesMax: 64 * 1024,
  pieceRecordsMax: 1024,
  piecesMax: 16,
  lookedAtMax: 65_536,
  digestHostsMax: 8192,
  stateRecordsBytesMax: 16 * 1024
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1)

const digestOf = (host: string, { complete, generation, mark, versionMax }: Claims.Claims): HostDigest => ({
  host,
  generation,
  complete,
  ahead: versionMax - complete,
  mark
})

/**
 * Returns the digest of a directory, or of a run of its hosts with a random start, when it has more than
 * `digestHostsMax`. `random` is uniform in [0, 1).
 */
export const digest = (
  directory: Directory,
  isAsking: boolean,
  random: () => number,
  { digestHostsMax }: Pick<Bounds, "digestHostsMax"> = bounds
): Digest => {
  const all = [...directory.hosts.values()].filter(({ claims }) => (claims?.versionMax ?? 0) > 0).sort(byId)
  const max = Math.min(digestHostsMax, hostsMax)
  // A start close to the end gives a short run, but each host is equally likely to be in it.
  const start = all.length > max ? Math.floor(random() * (all.length + max - 1)) - (max - 1) : 0
  const from = Math.max(0, start)
  const shown = all.slice(from, start + max)
  return {
    sender: directory.own.id,
    isAsking,
    first: from === 0 ? "" : (all[from]?.id ?? ""),
    until: all[start + max]?.id ?? "",
    hosts: shown.flatMap(({ claims, id }) => (claims === undefined ? [] : [digestOf(id, claims)]))
  }
}

const isSettled = ({ complete, versionMax }: Claims.Claims): boolean => complete === versionMax

/** Returns true when both sides are complete up to the same version, and yet differ. */
const isContradiction = (claims: Claims.Claims, seen: HostDigest): boolean =>
  isSettled(claims) && seen.ahead === 0 && seen.complete === claims.complete && seen.mark !== claims.mark

/** Returns the version above which the other side may lack records; undefined when it knows a later life. */
const lackedAbove = (claims: Claims.Claims, seen: HostDigest | undefined): number | undefined => {
  if (seen === undefined || seen.generation < claims.generation) return 0
  if (seen.generation > claims.generation) return undefined
  return isContradiction(claims, seen) ? 0 : seen.complete
}

/**
 * Returns true when the other side has records that this host lacks. Hosts that are no members here do not count, so
 * that a digest full of inventions gets no answer.
 */
export const lacks = ({ hosts, own }: Directory, { hosts: seen }: Digest): boolean =>
  seen.some((theirs) => {
    const known = hosts.get(theirs.host)
    if (known?.member?.host === undefined) return false
    const { claims } = known
    // Records of this host that it never wrote: it has to hear them to refute them.
    if (known === own && theirs.generation === own.claims.generation)
      return theirs.complete + theirs.ahead > own.claims.versionMax || isContradiction(own.claims, theirs)
    if (claims === undefined || theirs.generation > claims.generation) return theirs.complete + theirs.ahead > 0
    if (theirs.generation < claims.generation) return false
    return theirs.complete > claims.complete || isContradiction(claims, theirs)
  })

/** Packs records and ranges into pieces. */
const makePacker = ({ pieceBytesMax, pieceRecordsMax, piecesMax }: Bounds) => {
  const pieces: Array<{ readonly records: Array<NameRecord>; readonly ranges: Array<Range> }> = []
  let records: Array<NameRecord> = []
  let ranges: Array<Range> = []
  let bytes = 0

  const close = (): void => {
    if (records.length > 0) pieces.push({ records, ranges })
    records = []
    ranges = []
    bytes = 0
  }

  /** Adds the records of a host above a version. Returns false when there is no more room. */
  const add = (
    host: string,
    { complete, generation }: Claims.Claims,
    found: ReadonlyArray<NameRecord>,
    above: number
  ) => {
    let after = above
    const range = (version: number): void => {
      const until = Math.min(version, complete)
      if (until > after) ranges.push({ host, generation, after, until })
      after = Math.max(after, until)
    }
    const rangeBytes = rangeBytesMax + host.length
    let last = above
    bytes += rangeBytes
    for (const record of found) {
      const size = recordBytes(record)
      if (records.length >= pieceRecordsMax || (records.length > 0 && bytes + size > pieceBytesMax)) {
        range(last)
        close()
        if (pieces.length >= piecesMax) return false
        bytes += rangeBytes
      }
      records.push(record)
      bytes += size
      last = record.version
    }
    range(complete)
    return true
  }

  return { add, close, pieces }
}

/** Largest range on the wire, in bytes, without its host id. */
const rangeBytesMax = 40

const covers = ({ first, until }: Digest, id: string): boolean => id >= first && (until === "" || id < until)

/**
 * Returns the records that the sender of a digest lacks, per host in the order of versions, starting with a random
 * host. Leaves out former lives, hosts that have left, and hosts that are no members.
 */
export const delta = (
  directory: Directory,
  digest: Digest,
  random: () => number,
  limits: Partial<Bounds> = {}
): Pieces => {
  const seen = new Map(digest.hosts.map((entry) => [entry.host, entry]))
  const used = { ...bounds, ...limits }
  const packer = makePacker(used)
  let lookedAt = 0
  const all = [...directory.hosts.values()]
  const start = Math.floor(random() * all.length)
  for (const known of [...all.slice(start), ...all.slice(0, start)]) {
    const { claims, id } = known
    if (claims === undefined || !isGiven(directory, known)) continue
    const theirs = seen.get(id)
    if (theirs === undefined && !covers(digest, id)) continue
    const above = lackedAbove(claims, theirs)
    const found = above === undefined ? [] : Claims.above(claims, above)
    if (above === undefined || found.length === 0) continue
    lookedAt += Claims.size(claims)
    if (!packer.add(id, claims, found, above)) return { pieces: packer.pieces, hasMore: true }
    if (lookedAt >= used.lookedAtMax) break
  }
  packer.close()
  return { pieces: packer.pieces, hasMore: lookedAt >= used.lookedAtMax }
}

/** Returns the records beside the digest of a push/pull: all if they are small, else those of this host, or none. */
export const small = (
  directory: Directory,
  { stateRecordsBytesMax }: Pick<Bounds, "stateRecordsBytesMax"> = bounds
): Piece => {
  const { foreignBytes, hosts, own } = directory
  const ownBytes = Claims.bytes(own.claims)
  const whose: ReadonlyArray<Known> =
    ownBytes > stateRecordsBytesMax ? [] : ownBytes + foreignBytes > stateRecordsBytesMax ? [own] : [...hosts.values()]
  const records: Array<NameRecord> = []
  const ranges: Array<Range> = []
  for (const known of whose) {
    const { claims, id } = known
    if (claims === undefined || claims.versionMax === 0 || !isGiven(directory, known)) continue
    records.push(...Claims.above(claims, 0))
    if (claims.complete > 0) ranges.push({ host: id, generation: claims.generation, after: 0, until: claims.complete })
  }
  return { records, ranges }
}
