/** Merges records from other hosts. Source: faults.md, rows R1 to R4 and O7. */
import * as Aside from "./Aside.ts"
import * as Budget from "./Budget.ts"
import * as Claims from "./Claims.ts"
import type { Range } from "./Digest.ts"
import {
  type Directory,
  discard,
  drop,
  type Input,
  type Known,
  type Turn,
  touch,
  write,
  writeOwn
} from "./DirectoryState.ts"
import * as Doubts from "./Doubts.ts"
import type { Heading } from "./Heading.ts"
import { isPossible, youngMillis } from "./Life.ts"
import * as Merging from "./Merging.ts"
import { type NameRecord, recordBytes, supersedes } from "./NameRecords.ts"
import * as View from "./View.ts"

const isOrphan = ({ member }: Known): boolean => member?.host === undefined

/** Returns true when one more foreign record has room; records of hosts that are no members make way. */
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

const exceedsQuota = ({ limits }: Directory, claims: Claims.Claims, record: NameRecord): boolean =>
  !record.isTombstone &&
  !claims.live.has(record.name) &&
  (claims.live.size >= limits.hostNamesMax || claims.liveBytes + recordBytes(record) > limits.hostBytesMax)

/** Highest version of a life: far below the end of the numbers, and out of reach of one forged step. */
const versionLast = 2 ** 52

/** Has this host begin another life. */
const startAnew = ({ directory, outputs }: Turn, generation: number, why: "later" | "outrun"): void => {
  if (generation <= directory.generationReported && why === "later") return
  directory.generationReported = Math.max(directory.generationReported, generation)
  outputs.push({ _tag: "OwnGenerationBehind", generation, why })
}

/** Hears a record of a later life of this host: of a former one, if it is young and its clock went back. */
const hearLater = (turn: Turn, record: NameRecord): void => {
  const { directory, now, wall } = turn
  drop(turn, "ownGeneration", record)
  const isYoung = now - (directory.beganAt ?? now) < youngMillis
  if (isYoung && isPossible(record.generation, directory.newest, wall)) startAnew(turn, record.generation, "later")
}

/**
 * Hears a record about this host. A record that it did not write has no effect, and is refuted: this host repeats its
 * own at a higher version, so that a forgery, or a claim that outlived its tombstone, does not last elsewhere. When no
 * version is high enough that others would take, this host begins another life, in which versions start anew.
 */
const hearOwn = (turn: Turn, record: NameRecord): void => {
  const { directory } = turn
  const { claims } = directory.own
  if (record.generation < claims.generation) return
  if (record.generation > claims.generation) return hearLater(turn, record)
  const current = Claims.get(claims, record.name)
  const isOld = current === undefined ? record.isTombstone : !supersedes(record, current)
  const isOutrun = record.version - claims.versionMax > directory.limits.versionJumpMax || record.version > versionLast
  if (isOld && !isOutrun) return
  drop(turn, "ownRecord", record)
  if (isOutrun) return startAnew(turn, claims.generation, "outrun")
  if (current === undefined && claims.tombstones.size >= directory.limits.tombstonesMax) return
  claims.versionMax = Math.max(claims.versionMax, record.version)
  writeOwn(turn, current ?? { ...record, isTombstone: true })
}

/** Outcome of a record. "known": held or set aside; "refused" and the reasons of `Full`: not held, though due. */
type Outcome = "news" | "known" | "refused" | Merging.Full["reason"]

const noRoom = (turn: Turn, reason: Merging.Full["reason"], record: NameRecord): Outcome => {
  drop(turn, reason, record)
  return reason
}

/** Hears a record of a life that membership does not show. A former life is over; any other is set aside. */
const hearAside = (turn: Turn, known: Known | undefined, record: NameRecord): Outcome => {
  const { directory, now } = turn
  if (known?.claims !== undefined && record.generation < known.claims.generation) return "known"
  return Aside.put(directory.aside, record, directory.limits, now) ? "known" : noRoom(turn, "aside", record)
}

/** Writes a record of another host. Look-ups show it, unless it is held as a doubt. */
const writeOther = (turn: Turn, known: Known, claims: Claims.Claims, record: NameRecord): void => {
  const { doubts, view } = turn.directory
  const { host, name } = record
  const before = Doubts.shown(doubts, host, name, claims.live.get(name))
  const hasRivals = (): boolean => View.resolve(view, name).some((entry) => entry.host.id !== host)
  write(turn, known, claims, record)
  if (Doubts.note(doubts, { record, before, hasRivals }, turn.now) !== undefined) touch(turn, name).add(known)
}

/** Hears a record of another host. */
const hearOther = (turn: Turn, record: NameRecord): Outcome => {
  const { directory, now } = turn
  const { hosts, limits } = directory
  const known = hosts.get(record.host)
  const claims = known?.claims
  if (known === undefined || claims?.generation !== record.generation) return hearAside(turn, known, record)
  Doubts.hear(directory.doubts, record, now)
  const current = Claims.get(claims, record.name)
  const isOld =
    current === undefined
      ? // A tombstone older than a forgotten one is not learned anew, or it would go round for ever.
        record.isTombstone && record.version <= claims.floor
      : !supersedes(record, current)
  if (isOld) {
    Claims.noteVersion(claims, record.version)
    return "known"
  }
  if (record.version - claims.versionMax > limits.versionJumpMax) {
    drop(turn, "versionJump", record)
    return "refused"
  }
  if (exceedsQuota(directory, claims, record)) return noRoom(turn, "hostQuota", record)
  if (current === undefined && !makeRoom(turn, known, recordBytes(record))) return noRoom(turn, "recordLimit", record)
  known.budget ??= Budget.make(limits, now)
  // The withdrawal of a claim was paid for with that claim: refusing it would leave a ghost.
  const isPaid = record.isTombstone && current?.isTombstone === false
  if (!isPaid && !Budget.take(known.budget, recordBytes(record), now)) return noRoom(turn, "writerRate", record)
  writeOther(turn, known, claims, record)
  Claims.noteVersion(claims, record.version)
  // The names of a host that is no longer a member are told to nobody.
  return isOrphan(known) ? "known" : "news"
}

/** Notes the versions of which nothing is missing any more. Returns whether that is news. */
const noteRange = ({ directory }: Turn, { after, generation, host, until }: Range): boolean => {
  const claims = directory.hosts.get(host)?.claims
  if (host === directory.own.id) return false
  if (claims?.generation !== generation) {
    const waiting = Aside.livesOf(directory.aside, host)?.get(generation)
    if (waiting !== undefined) Claims.noteRange(waiting.claims, after, until)
    return false
  }
  const { complete } = claims
  Claims.noteRange(claims, after, until)
  return claims.complete > complete
}

/**
 * Returns why a record would find no room, as earlier records of its message show, so that it need not be parsed;
 * undefined when it may. A withdrawal may make room, and a name that is held needs none.
 */
export const refusalOf = (
  { aside, hosts, limits, own }: Directory,
  { full }: Merging.Merging,
  { generation, host, isTombstone, name }: Heading
): Merging.Full["reason"] | undefined => {
  if (full.size === 0 || isTombstone || host === own.id) return undefined
  const claims = hosts.get(host)?.claims
  const lives = Aside.livesOf(aside, host)
  if (claims === undefined && lives === undefined && aside.records >= limits.asideRecordsMax) return "aside"
  const refused = full.get(host)
  if (refused?.generation !== generation) return undefined
  const held = claims?.generation === generation ? claims : lives?.get(generation)?.claims
  return held !== undefined && Claims.get(held, name) !== undefined ? undefined : refused.reason
}

/**
 * Merges the records of one message, whole or in parts, and gossips the news on at its end. News by gossip always goes
 * on, since gossip reaches everybody only when passed on; other news goes on unless it exceeds the records held before,
 * which tells that this host is the newcomer. Of a delta only a little goes on, since the others get theirs.
 */
export const merge = (
  turn: Turn,
  { isPart = false, merging = Merging.make(), ranges = [], records, via }: Extract<Input, { readonly _tag: "Merge" }>
): void => {
  const { directory, outputs } = turn
  const { limits, own } = directory
  merging.heldBefore ??= directory.foreignRecords + Claims.size(own.claims)
  const { full, gaps, heldBefore, news } = merging
  const newsBefore = news.length
  for (const record of records) {
    if (record.host === own.id) hearOwn(turn, record)
    else {
      const heard = hearOther(turn, record)
      if (heard === "news") news.push(record)
      if (heard === "news" || heard === "known") continue
      gaps.add(record.host)
      if (heard === "refused" || full.get(record.host)?.generation === record.generation) continue
      full.set(record.host, { generation: record.generation, reason: heard })
    }
  }
  directory.progress += news.length - newsBefore
  if (isPart) return
  for (const range of ranges) if (!gaps.has(range.host) && noteRange(turn, range)) directory.progress += 1
  const relayMax = via === "delta" ? limits.deltaRelayMax : limits.relayMax
  if (via !== "gossip" && news.length > Math.min(heldBefore, relayMax)) return
  for (const record of news) outputs.push({ _tag: "Broadcast", record })
}
