/** Membership changes: they show or hide the names of a host, and decide which of its lives is believed. */
import * as Aside from "./Aside.ts"
import * as Claims from "./Claims.ts"
import { visibleHost } from "./DirectoryOwners.ts"
import { discard, drop, type Input, type Known, namesOf, replace, type Turn, touch } from "./DirectoryState.ts"
import * as Doubts from "./Doubts.ts"
import { isPossible } from "./Life.ts"
import { renew } from "./Renewal.ts"
import * as View from "./View.ts"

type MemberChanged = Extract<Input, { readonly _tag: "MemberChanged" }>

/** Takes over the metadata of this host; a later life in it was begun by the membership plane. */
const selfChanged = (turn: Turn, { host, status }: MemberChanged): void => {
  const { own } = turn.directory
  if (host !== undefined && host.generation > own.claims.generation) renew(turn, host.generation)
  const before = own.member.host
  const after: View.Host = { ...(host ?? before), id: own.id, generation: own.claims.generation }
  own.member = { status: status === "left" ? "left" : "alive", host: View.isSameHost(before, after) ? before : after }
}

/** Returns the host as its member shows it; as shown before when the new life is impossible, or the change is held. */
const hostOf = (turn: Turn, { member }: Known, { host, id }: MemberChanged): View.Host | undefined => {
  const before = member?.host
  if (host === undefined) return undefined
  if (before?.generation !== host.generation && !isPossible(host.generation, turn.directory.newest, turn.wall)) {
    drop(turn, "impossibleLife", { host: id })
    return before
  }
  const after = { ...host, id }
  if (before?.generation !== host.generation) return after
  return Doubts.noteHost(turn.directory.doubts, before, after, turn.now)
}

/** Takes the records set aside of a life out; undefined when there are none, or no room for them. */
const taken = ({ directory }: Turn, known: Known, generation: number): Claims.Claims | undefined => {
  const { aside, foreignBytes, foreignRecords, limits } = directory
  const claims = Aside.take(aside, known.id, generation)
  if (claims === undefined) return undefined
  const isTooMuch =
    claims.live.size > limits.hostNamesMax ||
    foreignRecords + Claims.size(claims) > limits.recordsMax ||
    foreignBytes + Claims.bytes(claims) > limits.recordsBytesMax
  return isTooMuch ? undefined : claims
}

/**
 * Believes another life of a host. The records of the life before are set aside, since the change may be a forgery;
 * those set aside of this one are gossiped on as news.
 */
const believe = (turn: Turn, known: Known, generation: number): void => {
  const { directory, now, outputs } = turn
  const before = known.claims
  if (before?.generation === generation) return
  const claims = taken(turn, known, generation)
  replace(turn, known, claims ?? Claims.make(generation))
  if (before !== undefined) Aside.keep(directory.aside, known.id, before, directory.limits, now)
  if (claims === undefined) return
  directory.progress += Claims.size(claims)
  for (const record of Claims.above(claims, 0).slice(0, directory.limits.relayMax))
    outputs.push({ _tag: "Broadcast", record })
}

const otherChanged = (turn: Turn, known: Known, input: MemberChanged): void => {
  const { evidence = [], id, status } = input
  const { directory } = turn
  const { hosts, orphans } = directory
  hosts.set(id, known)
  known.member = status === "forgotten" ? undefined : { status, host: hostOf(turn, known, input), evidence }
  const host = known.member?.host
  if (host !== undefined) {
    orphans.delete(id)
    directory.newest = Math.max(directory.newest ?? 0, host.generation)
    believe(turn, known, host.generation)
  } else if (known.claims === undefined || Claims.size(known.claims) === 0) discard(turn, id)
  else if (!orphans.has(id)) orphans.set(id, turn.now)
}

export const memberChanged = (turn: Turn, input: MemberChanged): void => {
  const { hosts, own } = turn.directory
  const known: Known = hosts.get(input.id) ?? { id: input.id, member: undefined, claims: undefined }
  const before = visibleHost(known)
  if (known === own) selfChanged(turn, input)
  else otherChanged(turn, known, input)
  if (visibleHost(known) === before) return
  for (const name of namesOf(turn.directory, known)) touch(turn, name)
}
