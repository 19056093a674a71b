/** What one host's name directory holds, and what it is told and tells. */
import * as Aside from "./Aside.ts"
import type * as Budget from "./Budget.ts"
import * as Claims from "./Claims.ts"
import type { Range } from "./Digest.ts"
import type { Limits } from "./DirectoryLimits.ts"
import type { Merging } from "./Merging.ts"
import type { NameRecord } from "./NameRecords.ts"
import * as View from "./View.ts"

export type Status = "alive" | "suspect" | "dead" | "left"

/** One host's word against another, as the membership plane has it; see `Evidence` of the service `Gossip`. */
export interface Evidence {
  readonly accuser: string
  readonly probesMissed?: number
  readonly accuserHealth?: number
}

/** What the membership plane says of a host; without `host` it is another program in the same cluster. */
export interface Member {
  readonly status: Status
  readonly host: View.Host | undefined
  /** Why it is suspect or dead, where that is known. */
  readonly evidence?: ReadonlyArray<Evidence>
}

/** A host of which there is a member, or records, or both. */
export interface Known {
  readonly id: string
  member: Member | undefined
  /** Of the life that the member shows, or showed last. */
  claims: Claims.Claims | undefined
  /** What it has changed of late. */
  spent?: Budget.Spent
}

export interface Own extends Known {
  readonly claims: Claims.Claims
  member: { readonly status: Status; readonly host: View.Host }
}

export interface Directory {
  readonly own: Own
  readonly limits: Limits
  /** By host id, the own host included. */
  readonly hosts: Map<string, Known>
  /** Records of lives that no member shows. */
  readonly aside: Aside.Aside
  /** Hosts with records that are no grinta members any more, and since when in milliseconds; the longest first. */
  readonly orphans: Map<string, number>
  /** The hosts that claim a name, unless it is one alone that is visible: then its entry says who. See `claimantsOf`. */
  readonly claimants: Map<string, Known | Set<Known>>
  readonly view: View.View
  /** Records of the other hosts together. */
  foreignRecords: number
  foreignBytes: number
  /** The life that the own host was last told to begin after; 0 for none. */
  generationReported: number
  /** The newest life that another member has shown; undefined while none has. */
  newest: number | undefined
  /** When the first step was taken, in milliseconds. */
  beganAt: number | undefined
  /** How often records or ranges of other hosts were news: it tells whether a message brought this host on. */
  progress: number
}

export type Input =
  /** The own host claims a name. */
  | ({ readonly _tag: "Claim" } & Pick<NameRecord, "name" | "ownership" | "contract" | "compatible">)
  /** The own host begins another life, and claims its names in that one. */
  | { readonly _tag: "Renew"; readonly generation: number }
  /** The own host withdraws a name. */
  | { readonly _tag: "Release"; readonly name: string }
  /** Records came in by gossip, as the state of a push/pull, or as what a digest of this host lacked. */
  | {
      readonly _tag: "Merge"
      readonly records: ReadonlyArray<NameRecord>
      readonly via: "gossip" | "state" | "delta"
      /** What the records are all of. */
      readonly ranges?: ReadonlyArray<Range>
      /** What of the same message was merged before; undefined for the only part of one. */
      readonly merging?: Merging
      /** There is more of it to come. */
      readonly isPart?: boolean
    }
  /** The membership plane changed its mind of a host; "forgotten": it no longer remembers it. */
  | {
      readonly _tag: "MemberChanged"
      readonly id: string
      readonly status: Status | "forgotten"
      readonly host: View.Host | undefined
      readonly evidence?: ReadonlyArray<Evidence>
    }
  /** Time has passed: once a minute will do. */
  | { readonly _tag: "Tick" }

export type DownCause = "withdrawn" | "left" | "dead" | "restarted" | "conflict"

/** Why a claim of the own host was not made. */
export type Refusal =
  | { readonly _tag: "Taken"; readonly owner: string }
  | { readonly _tag: "Quota"; readonly what: string; readonly limit: number }
  /** The own host has left. */
  | { readonly _tag: "Left" }

/** Why a record had no effect, where that is worth counting. */
export type DropReason =
  /** About this host's present life, and not written by it. */
  | "ownRecord"
  /** About this host, of a life that is yet to come. */
  | "ownGeneration"
  /** Of a life that membership does not show, and there is no more room for such. */
  | "aside"
  /** A member that says that its life begins where none can. */
  | "impossibleLife"
  /** The version is too far above what is known. */
  | "versionJump"
  /** One host has too many names. */
  | "hostQuota"
  /** All other hosts together have too many records. */
  | "recordLimit"
  /** One host changes its names too fast. */
  | "writerRate"

export type Output =
  /** To be gossiped; a newer one about the same host and name takes the older one's place. */
  | { readonly _tag: "Broadcast"; readonly record: NameRecord }
  /** An entry is visible; it takes the place of `replaced`, of the same name and the same life of its host, if any. */
  | { readonly _tag: "Up"; readonly entry: View.Entry; readonly replaced: View.Entry | undefined }
  | {
      readonly _tag: "Down"
      readonly entry: View.Entry
      readonly cause: DownCause
      /** Against the host of the entry; empty unless it died, and where nothing is known. */
      readonly evidence: ReadonlyArray<Evidence>
    }
  | { readonly _tag: "Refused"; readonly refusal: Refusal }
  /** A unique claim of the own host gave way to that of `winner`, and is withdrawn. */
  | { readonly _tag: "Lost"; readonly name: string; readonly winner: string }
  /** `host`: whose record it is. */
  | { readonly _tag: "Dropped"; readonly reason: DropReason; readonly host: string }
  /**
   * This host has to begin a life after that one, which others have records of: the clock went back between two lives. Or
   * after its own, when others believe what it cannot say any more ("outrun").
   */
  | { readonly _tag: "OwnGenerationBehind"; readonly generation: number; readonly why: "later" | "outrun" }

/** One step: its time in milliseconds, what it gave so far, and who claims the names whose owners may have changed. */
export interface Turn {
  readonly directory: Directory
  readonly now: number
  /** The wall clock of this host, in microseconds since 1970, where it is known. */
  readonly wall?: number | undefined
  readonly outputs: Array<Output>
  readonly touched: Map<string, Set<Known>>
}

/** A directory of the own host alone. `self` is what look-ups show of it until the membership plane knows better. */
export const make = (self: View.Host, limits: Limits): Directory => {
  const own: Own = { id: self.id, member: { status: "alive", host: self }, claims: Claims.make(self.generation) }
  return {
    own,
    limits,
    hosts: new Map([[self.id, own]]),
    aside: Aside.make(),
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

/** The hosts that claim a name, visible or not. */
export const claimantsOf = ({ claimants, hosts, view }: Directory, name: string): Set<Known> => {
  const listed = claimants.get(name)
  if (listed instanceof Set) return listed
  const [entry] = View.resolve(view, name)
  const sole = listed ?? (entry && hosts.get(entry.host.id))
  return new Set(sole === undefined ? [] : [sole])
}

/** Has the owners of a name looked at again at the end of the step; gives its claimants, to be changed in place. */
export const touch = ({ directory, touched }: Turn, name: string): Set<Known> => {
  const known = touched.get(name) ?? claimantsOf(directory, name)
  touched.set(name, known)
  return known
}

/** Lists the claimants of a name, once its entries are what they are to be. */
export const list = ({ claimants, view }: Directory, name: string, known: Set<Known>): void => {
  const [sole] = known
  if (known.size > 1) claimants.set(name, known)
  else if (sole === undefined || View.resolve(view, name).length > 0) claimants.delete(name)
  else claimants.set(name, sole)
}

/** Runs a change of a host's records, and keeps count of the records of the others. */
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

/** Puts a record that holds in the place of the one before; it is kept with the strings that are here already. */
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

/** Puts the word of the own host at the next version, and says it. */
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

/** Puts other records in the place of all that there are of a host: those of another life, or none. */
export const replace = (turn: Turn, known: Known, claims: Claims.Claims | undefined): void => {
  for (const name of known.claims?.live.keys() ?? []) touch(turn, name).delete(known)
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

/** Whether the records of a host are given to others: its own, and those of members that have not left. */
export const isGiven = ({ own }: Directory, { member }: Known): boolean =>
  member?.host !== undefined && (member.status !== "left" || member === own.member)
