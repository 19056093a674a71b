/** What records from other hosts change. Source: faults.md, rows R1 to R4 and O7. */
import * as Budget from "./Budget.ts"
import * as Claims from "./Claims.ts"
import type { Range } from "./Digest.ts"
import {
  type Directory,
  discard,
  drop,
  type Input,
  type Known,
  startLife,
  type Turn,
  write,
  writeOwn
} from "./DirectoryState.ts"
import * as Merging from "./Merging.ts"
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
    drop(turn, "ownGeneration", record)
    if (record.generation <= directory.generationReported) return
    directory.generationReported = record.generation
    turn.outputs.push({ _tag: "OwnGenerationBehind", generation: record.generation })
    return
  }
  const current = Claims.get(claims, record.name)
  const isOld = current === undefined ? record.isTombstone : !supersedes(record, current)
  if (isOld) return
  drop(turn, "ownRecord", record)
  if (record.version - claims.versionMax > directory.limits.versionJumpMax) return
  if (current === undefined && claims.tombstones.size >= directory.limits.tombstonesMax) return
  claims.versionMax = Math.max(claims.versionMax, record.version)
  writeOwn(turn, current ?? { ...record, isTombstone: true })
}

/** "known" is held already, or something later is; "refused" is not held though it should be. */
type Heard = "news" | "known" | "refused"

/** A word about another host. */
const hearOther = (turn: Turn, record: NameRecord): Heard => {
  const { directory, now } = turn
  const { hosts, limits, orphans } = directory
  const known: Known = hosts.get(record.host) ?? { id: record.host, member: undefined, claims: undefined }
  const claims = known.claims
  if (claims !== undefined && record.generation < claims.generation) return "known"
  const same = claims?.generation === record.generation ? claims : undefined
  const current = same === undefined ? undefined : Claims.get(same, record.name)
  const isOld =
    current === undefined
      ? // A tombstone older than those that were forgotten is not learned anew, or it would go round for ever.
        record.isTombstone && record.version <= (same?.floor ?? 0)
      : !supersedes(record, current)
  if (same !== undefined && isOld) {
    Claims.noteVersion(same, record.version)
    return "known"
  }
  if (record.version - (same?.versionMax ?? 0) > limits.versionJumpMax) {
    drop(turn, "versionJump", record)
    return "refused"
  }
  if (same === undefined && claims !== undefined) startLife(turn, known, record.generation)
  if (exceedsQuota(directory, same, record)) {
    drop(turn, "hostQuota", record)
    return "refused"
  }
  if (current === undefined && !makeRoom(turn, known, recordBytes(record))) {
    drop(turn, "recordLimit", record)
    return "refused"
  }
  known.spent ??= Budget.make(now)
  // The withdrawal of a claim was paid for with that claim: refused, it would leave a ghost.
  const isPaid = record.isTombstone && current?.isTombstone === false
  if (!isPaid && !Budget.take(known.spent, limits, recordBytes(record), now)) {
    drop(turn, "writerRate", record)
    return "refused"
  }
  known.claims ??= Claims.make(record.generation)
  hosts.set(record.host, known)
  if (isOrphan(known) && !orphans.has(record.host)) orphans.set(record.host, now)
  write(turn, known, known.claims, record)
  Claims.noteVersion(known.claims, record.version)
  return "news"
}

/** Notes of which versions nothing is missing any more; whether that is news. */
const noteRange = ({ directory }: Turn, { after, generation, host, until }: Range): boolean => {
  const claims = directory.hosts.get(host)?.claims
  if (host === directory.own.id || claims?.generation !== generation) return false
  const { complete } = claims
  Claims.noteRange(claims, after, until)
  return claims.complete > complete
}

/**
 * Takes records in, those of one message together or in parts, and gossips the news on at its end. News by gossip always goes on, since gossip reaches everybody only when passed
 * on; other news goes on unless there is more of it than was known before: then this host is the newcomer. Of a delta only
 * a little goes on, since the others get theirs.
 */
export const merge = (
  turn: Turn,
  { isPart = false, merging = Merging.make(), ranges = [], records, via }: Extract<Input, { readonly _tag: "Merge" }>
): void => {
  const { directory, outputs } = turn
  const { limits, own } = directory
  merging.heldBefore ??= directory.foreignRecords + Claims.size(own.claims)
  const { gaps, heldBefore, news } = merging
  const newsBefore = news.length
  for (const record of records) {
    if (record.host === own.id) hearOwn(turn, record)
    else {
      const heard = hearOther(turn, record)
      if (heard === "news") news.push(record)
      if (heard === "refused") gaps.add(record.host)
    }
  }
  directory.progress += news.length - newsBefore
  if (isPart) return
  for (const range of ranges) if (!gaps.has(range.host) && noteRange(turn, range)) directory.progress += 1
  const relayMax = via === "delta" ? limits.deltaRelayMax : limits.relayMax
  if (via !== "gossip" && news.length > Math.min(heldBefore, relayMax)) return
  for (const record of news) outputs.push({ _tag: "Broadcast", record })
}
