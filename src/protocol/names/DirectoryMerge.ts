/** What records from other hosts change. Source: faults.md, rows R1 to R4. */
import * as Claims from "./Claims.ts"
import { type Directory, discard, drop, type Known, startLife, type Turn, write, writeOwn } from "./DirectoryState.ts"
import { type NameRecord, recordBytes, supersedes } from "./NameRecords.ts"

const isOrphan = ({ member }: Known): boolean => member?.host === undefined

/** Whether there is room for one more foreign record; records of hosts that are no members make way. */
const makeRoom = (turn: Turn, known: Known, bytes: number): boolean => {
  const { directory } = turn
  const { limits, orphans } = directory
  const fits = (): boolean =>
    directory.foreignRecords < limits.recordsMax && directory.foreignBytes + bytes <= limits.recordsBytesMax
  if (isOrphan(known)) return fits()
  for (const id of orphans.keys()) {
    if (fits()) return true
    discard(turn, id)
  }
  return fits()
}

const exceedsQuota = ({ limits }: Directory, claims: Claims.Claims | undefined, record: NameRecord): boolean =>
  !record.isTombstone &&
  claims !== undefined &&
  !claims.live.has(record.name) &&
  (claims.live.size >= limits.hostNamesMax || claims.liveBytes + recordBytes(record) > limits.hostBytesMax)

/**
 * A word about the own host. What it did not write has no effect, and is answered: the own word is said again at a higher
 * version, so that a forgery, or a claim back from where its tombstone was no longer known, does not last with others.
 */
const hearOwn = (turn: Turn, record: NameRecord): void => {
  const { directory } = turn
  const { claims } = directory.own
  if (record.generation < claims.generation) return
  if (record.generation > claims.generation) {
    drop(turn, "ownGeneration")
    if (record.generation <= directory.generationReported) return
    directory.generationReported = record.generation
    turn.outputs.push({ _tag: "OwnGenerationBehind", generation: record.generation })
    return
  }
  const current = Claims.get(claims, record.name)
  const isOld = current === undefined ? record.isTombstone : !supersedes(record, current)
  if (isOld) return
  drop(turn, "ownRecord")
  if (record.version - claims.versionMax > directory.limits.versionJumpMax) return
  if (current === undefined && claims.tombstones.size >= directory.limits.tombstonesMax) return
  claims.versionMax = Math.max(claims.versionMax, record.version)
  writeOwn(turn, current ?? { ...record, isTombstone: true })
}

/** A word about another host; whether it is news. */
const hearOther = (turn: Turn, record: NameRecord): boolean => {
  const { directory, now } = turn
  const { hosts, limits, orphans } = directory
  const known: Known = hosts.get(record.host) ?? { id: record.host, member: undefined, claims: undefined }
  const claims = known.claims
  if (claims !== undefined && record.generation < claims.generation) return false
  const same = claims?.generation === record.generation ? claims : undefined
  const current = same === undefined ? undefined : Claims.get(same, record.name)
  if (current !== undefined && !supersedes(record, current)) return false
  // A tombstone older than those that were forgotten is not learned anew, or it would go round for ever.
  if (current === undefined && record.isTombstone && record.version <= (same?.floor ?? 0)) return false
  if (record.version - (same?.versionMax ?? 0) > limits.versionJumpMax) {
    drop(turn, "versionJump")
    return false
  }
  if (same === undefined && claims !== undefined) startLife(turn, known, record.generation)
  if (exceedsQuota(directory, same, record)) {
    drop(turn, "hostQuota")
    return false
  }
  if (current === undefined && !makeRoom(turn, known, recordBytes(record))) {
    drop(turn, "recordLimit")
    return false
  }
  known.claims ??= Claims.make(record.generation)
  hosts.set(record.host, known)
  if (isOrphan(known) && !orphans.has(record.host)) orphans.set(record.host, now)
  write(turn, known, known.claims, record)
  return true
}

/**
 * Takes records in and gossips the news on. News by gossip always goes on, since gossip reaches everybody only when passed
 * on; news from a push/pull goes on unless there is more of it than was known before: then this host is the newcomer.
 */
export const merge = (turn: Turn, records: ReadonlyArray<NameRecord>, via: "gossip" | "state"): void => {
  const { directory, outputs } = turn
  const { limits, own } = directory
  const heldBefore = directory.foreignRecords + Claims.size(own.claims)
  const news: Array<NameRecord> = []
  for (const record of records) {
    if (record.host === own.id) hearOwn(turn, record)
    else if (hearOther(turn, record)) news.push(record)
  }
  if (via === "state" && news.length > Math.min(heldBefore, limits.relayMax)) return
  for (const record of news) outputs.push({ _tag: "Broadcast", record })
}
