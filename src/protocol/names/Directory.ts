/**
 * Name directory of one host: the names exposed in the fabric and their hosts, as far as this host knows.
 *
 * Each host is the only writer of its own records. Only its member tells which life of a host counts, never a record;
 * of one name the highest version in that life wins. So records may come in any order, twice or late, and all
 * directories with the same records and members agree. The names of a dead host vanish, and are back as soon as the
 * same life is alive again.
 *
 * The machine changes its state in place and does no I/O: inputs and time go in, outputs come out.
 * Source: design.md, section 4; faults.md, rows R1 to R7, P5, P6, G18 and G19.
 */
import * as Aside from "./Aside.ts"
import * as Claims from "./Claims.ts"
import * as DirectoryLimits from "./DirectoryLimits.ts"
import { memberChanged } from "./DirectoryMembers.ts"
import { merge } from "./DirectoryMerge.ts"
import { resolveDoubts, settle } from "./DirectoryOwners.ts"
import * as State from "./DirectoryState.ts"
import * as Doubts from "./Doubts.ts"
import { compatibleMax, type NameRecord, recordBytes } from "./NameRecords.ts"
import { renew } from "./Renewal.ts"
import * as View from "./View.ts"

export type Directory = State.Directory
export type DownCause = State.DownCause
export type DropReason = State.DropReason
export type Input = State.Input
export type Limits = DirectoryLimits.Limits
export type Output = State.Output
export type Refusal = State.Refusal

export const limits: Limits = DirectoryLimits.defaults

export { refusalOf } from "./DirectoryMerge.ts"

/** Makes a directory of this host alone. Look-ups show `self` until the membership plane knows better. */
export const make = (self: View.Host, bounds: Partial<Limits> = {}): Directory =>
  State.make(self, { ...limits, ...bounds })

type Claim = Extract<Input, { readonly _tag: "Claim" }>

const refusal = ({ limits, own, view }: Directory, claim: Claim): State.Refusal | undefined => {
  const { name, ownership } = claim
  const { live, liveBytes } = own.claims
  if (own.member.status === "left") return { _tag: "Left" }
  if (live.has(name)) return { _tag: "Taken", owner: own.id }
  const owner = View.resolve(view, name).find((entry) => entry.ownership === "unique")
  if (ownership === "unique" && owner !== undefined) return { _tag: "Taken", owner: owner.host.id }
  if ((claim.compatible?.length ?? 0) > compatibleMax)
    return { _tag: "Quota", what: `compatible contracts of "${name}"`, limit: compatibleMax }
  if (live.size >= limits.ownNamesMax) return { _tag: "Quota", what: "names of one host", limit: limits.ownNamesMax }
  const bytes = recordBytes({ ...claim, host: own.id, generation: 0, version: 0, isTombstone: false })
  if (liveBytes + bytes > limits.ownBytesMax)
    return { _tag: "Quota", what: "bytes of name records of one host", limit: limits.ownBytesMax }
  return undefined
}

const claim = (turn: State.Turn, input: Claim): void => {
  const refused = refusal(turn.directory, input)
  if (refused !== undefined) turn.outputs.push({ _tag: "Refused", refusal: refused })
  else State.writeOwn(turn, { ...input, isTombstone: false })
}

const release = (turn: State.Turn, name: string): void => {
  const live = turn.directory.own.claims.live.get(name)
  if (live !== undefined) State.writeOwn(turn, { ...live, isTombstone: true })
}

/** Tombstones end early when crowded, to make room for names; a claim that returns is withdrawn again. */
const tombstoneMillis = ({ foreignBytes, foreignRecords, limits }: Directory): number => {
  const isCrowded = foreignRecords > limits.recordsMax / 2 || foreignBytes > limits.recordsBytesMax / 2
  return isCrowded ? Math.min(limits.tombstoneMillis, limits.tombstoneCrowdedMillis) : limits.tombstoneMillis
}

const tick = (turn: State.Turn): void => {
  const { directory, now } = turn
  const { aside, hosts, limits, orphans } = directory
  const forgottenUntil = now - tombstoneMillis(directory)
  for (const known of hosts.values()) {
    const { claims } = known
    if (claims === undefined || claims.tombstones.size === 0) continue
    State.recount(directory, known, () => Claims.expire(claims, forgottenUntil))
  }
  for (const [id, since] of orphans) if (now - since >= limits.orphanMillis) State.discard(turn, id)
  Aside.expire(aside, now - limits.asideMillis)
  Doubts.sweep(directory.doubts, now)
}

const apply = (turn: State.Turn, input: Input): void => {
  switch (input._tag) {
    case "Claim":
      return claim(turn, input)
    case "Renew":
      return renew(turn, input.generation)
    case "Release":
      return release(turn, input.name)
    case "Merge":
      return merge(turn, input)
    case "MemberChanged":
      return memberChanged(turn, input)
    case "Tick":
      return tick(turn)
  }
}

export interface Env {
  /** Monotonic time, in milliseconds. */
  readonly now: number
  /** Wall clock, in microseconds since 1970. */
  readonly wall?: number | undefined
}

/** Takes one input, and returns its outputs. */
export const step = (directory: Directory, input: Input, { now, wall }: Env): ReadonlyArray<Output> => {
  directory.beganAt ??= now
  const turn: State.Turn = { directory, now, wall, outputs: [], touched: new Map() }
  resolveDoubts(turn)
  apply(turn, input)
  settle(turn)
  return turn.outputs
}

/** Returns the time by which the next step is due, for changes that look-ups show late; infinity for none. */
export const nextDeadline = ({ doubts }: Directory): number => Doubts.nextDeadline(doubts)

/** Returns the owners of a name, by host id, in constant time. */
export const resolve = ({ view }: Directory, name: string): ReadonlyArray<View.Entry> => View.resolve(view, name)

/** Returns the visible entries whose name starts with `prefix`, by name, then by host id. */
export const scan = ({ view }: Directory, prefix: string): ReadonlyArray<View.Entry> => View.scan(view, prefix)

/** Returns the live grinta hosts by id, this one included while it has not left. */
export const hosts = (directory: Directory): ReadonlyArray<View.Host> =>
  [...directory.hosts.values()]
    .flatMap(({ member }) =>
      member?.host === undefined || member.status === "dead" || member.status === "left" ? [] : [member.host]
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1))

/** Returns the dead or left members, which the membership plane may have forgotten since. */
export const gone = (directory: Directory): ReadonlyArray<string> =>
  [...directory.hosts.values()].flatMap(({ id, member }) =>
    member?.status === "dead" || member?.status === "left" ? [id] : []
  )

/** Returns true once the membership plane has reported this host. */
export const isMember = (directory: Directory, id: string): boolean => directory.hosts.get(id)?.member !== undefined

/** Returns true for another grinta host that is believed to live. */
export const isLiveHost = ({ hosts, own }: Directory, id: string): boolean => {
  const member = hosts.get(id)?.member
  return id !== own.id && member?.host !== undefined && member.status !== "dead" && member.status !== "left"
}

/** Returns all records that are given to others: those of this host, and of members that have not left. */
export const records = (directory: Directory): ReadonlyArray<NameRecord> =>
  [...directory.hosts.values()].flatMap((known) =>
    known.claims !== undefined && State.isGiven(directory, known) ? Claims.above(known.claims, 0) : []
  )
