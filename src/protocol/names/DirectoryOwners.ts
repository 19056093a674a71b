/**
 * Owners of a name: which claims are visible, and how changes of that are reported.
 *
 * A claim is visible when its host is alive or suspect, announces the life that wrote the claim, and owns the name: as
 * a group claimant, or as the first of the visible unique claimants, by the start of their lives, then by host id.
 * Of a change that may be forged it is the claim before that; see `Doubts`.
 * Unique and group claims of one name do not compete: beside the one unique owner, the group claimants stay visible.
 */
import type { Claims } from "./Claims.ts"
import { type Directory, type DownCause, type Known, list, type Turn, touch, writeOwn } from "./DirectoryState.ts"
import * as Doubts from "./Doubts.ts"
import { precedes } from "./Life.ts"
import { isSameContract, type NameRecord } from "./NameRecords.ts"
import * as View from "./View.ts"

/** Returns the host as look-ups show it; undefined while its claims are not visible. */
export const visibleHost = ({ claims, member }: Known): View.Host | undefined =>
  claims === undefined ||
  member === undefined ||
  member.status === "dead" ||
  member.status === "left" ||
  member.host?.generation !== claims.generation
    ? undefined
    : member.host

interface Candidate {
  readonly record: NameRecord
  readonly host: View.Host
}

/** Returns the owners of a name, by host id. */
const ownersOf = ({ doubts }: Directory, name: string, claimants: Set<Known>): ReadonlyArray<Candidate> => {
  const owners: Array<Candidate> = []
  let winner: Candidate | undefined
  for (const known of claimants) {
    const record = Doubts.shown(doubts, known.id, name, known.claims?.live.get(name))
    const host = visibleHost(known)
    if (record === undefined || host === undefined) continue
    if (record.ownership === "group") owners.push({ record, host })
    else if (winner === undefined || precedes(host, winner.host)) winner = { record, host }
  }
  if (winner !== undefined) owners.push(winner)
  return owners.sort((a, b) => (a.host.id < b.host.id ? -1 : 1))
}

/** Returns the entries of the owners; an unchanged entry stays the same object. */
const entriesOf = (
  name: string,
  owners: ReadonlyArray<Candidate>,
  before: ReadonlyArray<View.Entry>
): ReadonlyArray<View.Entry> => {
  let at = 0
  return owners.map(({ host, record }) => {
    const { compatible, contract, ownership } = record
    while ((before[at]?.host.id ?? host.id) < host.id) at += 1
    const old = before[at]
    const isSame = old?.host === host && old.ownership === ownership && isSameContract(old, record)
    return isSame ? old : View.shown({ name, ownership, contract, ...(compatible && { compatible }), host })
  })
}

const causeOf = (claims: Claims | undefined, known: Known | undefined, entry: View.Entry): DownCause => {
  const { generation } = entry.host
  if (claims !== undefined && claims.generation !== generation) return "restarted"
  const status = known?.member?.status
  if (status === undefined || status === "dead") return "dead"
  if (status === "left") return "left"
  if (known?.member?.host?.generation !== generation) return "restarted"
  return claims?.live.has(entry.name) ? "conflict" : "withdrawn"
}

/** Withdraws the unique claim of this host when another host wins the name. */
const yieldTo = (turn: Turn, name: string, entries: ReadonlyArray<View.Entry>): void => {
  const { own } = turn.directory
  const claim = own.claims.live.get(name)
  if (claim?.ownership !== "unique" || visibleHost(own) === undefined) return
  const winner = entries.find(({ host, ownership }) => ownership === "unique" && host.id !== own.id)
  if (winner === undefined) return
  turn.outputs.push({ _tag: "Lost", name, winner: winner.host.id })
  writeOwn(turn, { ...claim, isTombstone: true })
}

const refresh = (turn: Turn, name: string, claimants: Set<Known>): void => {
  const { directory, outputs } = turn
  const before = View.resolve(directory.view, name)
  const entries = entriesOf(name, ownersOf(directory, name, claimants), before)
  const { come, gone } = View.difference(before, entries)
  if (come.length + gone.length > 0) View.set(directory.view, name, entries)
  for (const entry of gone) {
    const known = directory.hosts.get(entry.host.id)
    const cause = causeOf(known?.claims, known, entry)
    const evidence = cause === "dead" ? (known?.member?.evidence ?? []) : []
    outputs.push({ _tag: "Down", entry, cause, evidence })
  }
  // A host that turns its unique claim into a group claim gives the name up before the next owner gets it.
  for (const ownership of ["group", "unique"])
    for (const { entry, replaced } of come)
      if (entry.ownership === ownership) outputs.push({ _tag: "Up", entry, replaced })
  yieldTo(turn, name, entries)
  list(directory, name, claimants)
}

/** Shows the held changes that their hosts have not contradicted in time. */
export const resolveDoubts = (turn: Turn): void => {
  const { directory, now } = turn
  for (const doubt of Doubts.expire(directory.doubts, now)) {
    const known = directory.hosts.get(doubt.host)
    if (known === undefined) continue
    if (doubt._tag === "Name") {
      const claimants = touch(turn, doubt.name)
      if (known.claims?.live.has(doubt.name) !== true) claimants.delete(known)
    } else if (known.member !== undefined) {
      known.member = { ...known.member, host: doubt.after }
      for (const name of known.claims?.live.keys() ?? []) touch(turn, name)
    }
  }
}

/** Updates the owners of all names that the step touched. */
export const settle = (turn: Turn): void => {
  for (const [name, claimants] of turn.touched) refresh(turn, name, claimants)
}
