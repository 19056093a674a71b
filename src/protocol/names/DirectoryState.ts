/** State of a name directory, with its inputs and outputs. */
import * as Aside from "./Aside.ts"
import type * as Budget from "./Budget.ts"
import * as Claims from "./Claims.ts"
import type { Range } from "./Digest.ts"
import type { Limits } from "./DirectoryLimits.ts"
import * as Doubts from "./Doubts.ts"
import type { Merging } from "./Merging.ts"
import type { NameRecord } from "./NameRecords.ts"
import * as View from "./View.ts"

export type Status = "alive" | "suspect" | "dead" | "left"

/** Accusation of a member by another host, as the membership plane has it; see `Evidence` of the service `Gossip`. */
export interface Evidence {
  readonly accuser: string
  readonly probesMissed?: number
  readonly accuserHealth?: number
}

/** Member, as the membership plane reports it; without `host` it is another program in the same cluster. */
export interface Member {
  readonly status: Status
  readonly host: View.Host | undefined
  /** Evidence that the member is suspect or dead, where it is known. */
  readonly evidence?: ReadonlyArray<Evidence>
}

/** Host with a member, or records, or both. */
export interface Known {
  readonly id: string
  member: Member | undefined
  /** Records of the life that the member shows, or showed last. */
  claims: Claims.Claims | undefined
  /** Budget for its changes; undefined until it makes one. */
  budget?: Budget.Budget
}

export interface Own extends Known {
  readonly claims: Claims.Claims
  member: { readonly status: Status; readonly host: View.Host }
}

export interface Directory {
  readonly own: Own
  readonly limits: Limits
  /** Hosts by id, this one included. */
  readonly hosts: Map<string, Known>
  /** Records of lives that no member shows. */
  readonly aside: Aside.Aside
  /** Changes of other hosts that may be forged. */
  readonly doubts: Doubts.Doubts
  /** Hosts with records that are no longer grinta members, and since when in milliseconds; the longest first. */
  readonly orphans: Map<string, number>
  /** Hosts that claim a name, except a single visible one, which the entry tells. See `claimantsOf`. */
  readonly claimants: Map<string, Known | Set<Known>>
  readonly view: View.View
  /** Records of all other hosts, and their size. */
  foreignRecords: number
  foreignBytes: number
  /** Generation above which this host was last told to begin another life; 0 for none. */
  generationReported: number
  /** Newest life that another member has shown; undefined while none has. */
  newest: number | undefined
  /** Time of the first step, in milliseconds. */
  beganAt: number | undefined
  /** Records and ranges of other hosts that were news: shows whether a message brought progress. */
  progress: number
}

export type Input =
  /** This host claims a name. */
  | ({ readonly _tag: "Claim" } & Pick<NameRecord, "name" | "ownership" | "contract" | "compatible">)
  /** This host begins another life, and repeats its claims in it. */
  | { readonly _tag: "Renew"; readonly generation: number }
  /** This host withdraws a name. */
  | { readonly _tag: "Release"; readonly name: string }
  /** Records came in by gossip, as the state of a push/pull, or as the delta for a digest of this host. */
  | {
      readonly _tag: "Merge"
      readonly records: ReadonlyArray<NameRecord>
      readonly via: "gossip" | "state" | "delta"
      /** Ranges that the records cover without a gap. */
      readonly ranges?: ReadonlyArray<Range>
      /** State of the parts of the same message merged before; undefined for a message of one part. */
      readonly merging?: Merging
      /** True when more parts follow. */
      readonly isPart?: boolean
    }
  /** The membership plane changed its view of a host; "forgotten": it no longer remembers it. */
  | {
      readonly _tag: "MemberChanged"
      readonly id: string
      readonly status: Status | "forgotten"
      readonly host: View.Host | undefined
      readonly evidence?: ReadonlyArray<Evidence>
    }
  /** Time has passed: at `nextDeadline`, and once a minute. */
  | { readonly _tag: "Tick" }

export type DownCause = "withdrawn" | "left" | "dead" | "restarted" | "conflict"

/** Why a claim of this host was refused. */
export type Refusal =
  | { readonly _tag: "Taken"; readonly owner: string }
  | { readonly _tag: "Quota"; readonly what: string; readonly limit: number }
  /** This host has left. */
  | { readonly _tag: "Left" }

/** Why a record had no effect, if that is counted. */
export type DropReason =
  /** A record of this host's present life that it did not write. */
  | "ownRecord"
  /** A record of a later life of this host. */
  | "ownGeneration"
  /** No room to set aside a record of a life that membership does not show. */
  | "aside"
  /** A member announces a life that cannot be. */
  | "impossibleLife"
  /** The version is too far above the known ones. */
  | "versionJump"
  /** The host has too many names. */
  | "hostQuota"
  /** All other hosts together have too many records. */
  | "recordLimit"
  /** The host changes its names too fast. */
  | "writerRate"

export type Output =
  /** Gossip this record; a newer one of the same host and name replaces it. */
  | { readonly _tag: "Broadcast"; readonly record: NameRecord }
  /** An entry is visible; it replaces `replaced`, of the same name and the same life of its host, if any. */
  | { readonly _tag: "Up"; readonly entry: View.Entry; readonly replaced: View.Entry | undefined }
  | {
      readonly _tag: "Down"
      readonly entry: View.Entry
      readonly cause: DownCause
      /** Evidence against the host of the entry; empty unless it died, and where nothing is known. */
      readonly evidence: ReadonlyArray<Evidence>
    }
  | { readonly _tag: "Refused"; readonly refusal: Refusal }
  /** A unique claim of this host gave way to that of `winner`, and is withdrawn. */
  | { readonly _tag: "Lost"; readonly name: string; readonly winner: string }
  /** `host` is the host of the record. */
  | { readonly _tag: "Dropped"; readonly reason: DropReason; readonly host: string }
  /**
   * This host has to begin a life after `generation`. "later": others have records of that life, since the clock went
   * back between two lives. "outrun": others believe records of its own life that it can no longer refute.
   */
  | { readonly _tag: "OwnGenerationBehind"; readonly generation: number; readonly why: "later" | "outrun" }

/** One step: its time in milliseconds, its outputs so far, and the claimants of names whose owners may change. */
export interface Turn {
  readonly directory: Directory
  readonly now: number
  /** Wall clock of this host, in microseconds since 1970, if known. */
  readonly wall?: number | undefined
  readonly outputs: Array<Output>
  readonly touched: Map<string, Set<Known>>
}

/** Makes a directory of this host alone. Look-ups show `self` until the membership plane knows better. */
export const make = (self: View.Host, limits: Limits): Directory => {
  const own: Own = { id: self.id, member: { status: "alive", host: self }, claims: Claims.make(self.generation) }
  return {
    own,
    limits,
    hosts: new Map([[self.id, own]]),
    aside: Aside.make(),
    doubts: Doubts.make(),
    orphans: new Map(),
    claimants: new Map(),
    view: View.make(),
    foreignRecords: 0,
    foreignBytes: 0,
    generationReported: 0,
    newest: undefined,
    beganAt: undefined,
    progress: 0
  }
}

export const drop = ({ outputs }: Turn, reason: DropReason, { host }: Pick<NameRecord, "host">): void => {
  outputs.push({ _tag: "Dropped", reason, host })
}

/** Returns the hosts that claim a name, visible or not. */
export const claimantsOf = ({ claimants, hosts, view }: Directory, name: string): Set<Known> => {
  const listed = claimants.get(name)
  if (listed instanceof Set) return listed
  const [entry] = View.resolve(view, name)
  const sole = listed ?? (entry && hosts.get(entry.host.id))
  return new Set(sole === undefined ? [] : [sole])
}

/** Marks a name for `settle` at the end of the step. Returns its claimants, to be changed in place. */
export const touch = ({ directory, touched }: Turn, name: string): Set<Known> => {
  const known = touched.get(name) ?? claimantsOf(directory, name)
  touched.set(name, known)
  return known
}

/** Stores the claimants of a name, once its entries are up to date. */
export const list = ({ claimants, view }: Directory, name: string, known: Set<Known>): void => {
  const [sole] = known
  if (known.size > 1) claimants.set(name, known)
  else if (sole === undefined || View.resolve(view, name).length > 0) claimants.delete(name)
  else claimants.set(name, sole)
}

/** Runs a change of a host's records, and updates the counts of foreign records. */
export const recount = (directory: Directory, known: Known, change: () => void): void => {
  const count = (sign: 1 | -1): void => {
    if (known === directory.own || known.claims === undefined) return
    directory.foreignRecords += sign * Claims.size(known.claims)
    directory.foreignBytes += sign * Claims.bytes(known.claims)
  }
  count(-1)
  change()
  count(1)
}

/** Stores the winning record of a name, with interned strings. */
export const write = (turn: Turn, known: Known, claims: Claims.Claims, record: NameRecord): void => {
  const { directory, now } = turn
  const name = View.shared(directory.view, record.name)
  recount(directory, known, () => {
    Claims.put(claims, { ...record, host: known.id, name }, now)
    Claims.trim(claims, directory.limits.tombstonesMax)
  })
  const claimants = touch(turn, name)
  if (record.isTombstone) claimants.delete(known)
  else claimants.add(known)
}

/** Writes a record of this host at the next version, and gossips it. */
export const writeOwn = (
  turn: Turn,
  word: Pick<NameRecord, "name" | "ownership" | "contract" | "compatible" | "isTombstone">
): void => {
  const { own } = turn.directory
  const { generation, versionMax } = own.claims
  const { compatible, contract, isTombstone, name, ownership } = word
  const said = { name, ownership, contract, isTombstone, ...(compatible && !isTombstone && { compatible }) }
  const record = { host: own.id, generation, version: versionMax + 1, ...said }
  write(turn, own, own.claims, record)
  Claims.noteRange(own.claims, 0, record.version)
  turn.outputs.push({ _tag: "Broadcast", record })
}

/** Returns the names that look-ups may show of a host. */
export const namesOf = ({ doubts }: Directory, { claims, id }: Known): Iterable<string> => {
  const held = Doubts.heldNames(doubts, id)
  const live = claims?.live.keys() ?? []
  return held.length === 0 ? live : new Set([...live, ...held])
}

/** Replaces all records of a host by those of another life, or by none. */
export const replace = (turn: Turn, known: Known, claims: Claims.Claims | undefined): void => {
  for (const name of namesOf(turn.directory, known)) touch(turn, name).delete(known)
  Doubts.clear(turn.directory.doubts, known.id)
  recount(turn.directory, known, () => {
    known.claims = claims
  })
  for (const name of claims?.live.keys() ?? []) touch(turn, name).add(known)
}

/** Forgets the records of a host that is no grinta member. */
export const discard = (turn: Turn, id: string): void => {
  const { directory } = turn
  const known = directory.hosts.get(id)
  directory.orphans.delete(id)
  if (known === undefined) return
  replace(turn, known, undefined)
  if (known.member === undefined) directory.hosts.delete(id)
}

/** Returns true when the records of a host are given to others: for this host, and for members that have not left. */
export const isGiven = ({ own }: Directory, { member }: Known): boolean =>
  member?.host !== undefined && (member.status !== "left" || member === own.member)
