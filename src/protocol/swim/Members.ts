/**
 * All members that a host knows, itself included: by name, and in probe order.
 * Source: memberlist-wire.md, sections 11.1, 11.2 (insertion) and 13.2.
 */
import { type Address, source } from "../Address.ts"
import type { Alive, Dead } from "../memberlist/Message.ts"
import { isLive, type Member } from "./Member.ts"
import { below, shuffle } from "./Sampling.ts"
import type { Suspicion } from "./Suspicion.ts"
import type { Timer } from "./Timer.ts"

/** A member, with this host's own state about it. */
export interface Entry {
  member: Member
  suspicion: Suspicion<Timer> | undefined
  /** The last claim of the name from another address, and its time: see `Claim`. */
  claim: { readonly message: Alive; readonly at: number } | undefined
  /** A pending leave that the member may still refute. */
  farewell: { readonly message: Dead } | undefined
  /** The address at which a ping was last acknowledged: proof that a participating host is there. */
  ackedAt: Address | undefined
}

export interface Members {
  readonly byName: Map<string, Entry>
  /** Probe order. Its length is the `n` of every scaling formula: dead members count until they are reaped. */
  order: Array<Entry>
  probeIndex: number
  /** Number of alive or suspect members. */
  live: number
  /** Number of suspect members. */
  suspects: number
  /** Number of members per address, keyed by `Address.source`. */
  readonly places: Map<string, number>
}

export const make = (): Members => ({
  byName: new Map(),
  order: [],
  probeIndex: 0,
  live: 0,
  suspects: 0,
  places: new Map()
})

/** Counts a member by its status. */
const countStatus = (members: Members, member: Member, change: 1 | -1): void => {
  if (isLive(member)) members.live += change
  if (member.status === "suspect") members.suspects += change
}

const countPlace = ({ places }: Members, { address }: Member, change: 1 | -1): void => {
  const place = source(address.bytes)
  const count = (places.get(place) ?? 0) + change
  if (count > 0) places.set(place, count)
  else places.delete(place)
}

export const countAt = ({ places }: Members, address: Uint8Array): number => places.get(source(address)) ?? 0

export const count = (members: Members): number => members.order.length

/** Adds a member at a random place of the probe order; the member at that place moves to the end. */
export const add = (members: Members, member: Member, random: () => number): Entry => {
  const entry: Entry = { member, suspicion: undefined, claim: undefined, farewell: undefined, ackedAt: undefined }
  const place = below(random, members.order.length)
  const moved = members.order[place]
  if (moved === undefined) members.order.push(entry)
  else {
    members.order.push(moved)
    members.order[place] = entry
  }
  members.byName.set(member.name, entry)
  countStatus(members, member, 1)
  countPlace(members, member, 1)
  return entry
}

/** Replaces the belief about a member. */
export const update = (members: Members, entry: Entry, member: Member): void => {
  countStatus(members, entry.member, -1)
  countStatus(members, member, 1)
  if (member.address !== entry.member.address) {
    countPlace(members, entry.member, -1)
    countPlace(members, member, 1)
  }
  entry.member = member
}

/** Starts a new round: drops the members that `isStale`, shuffles the rest, and returns the dropped. */
export const nextRound = (
  members: Members,
  random: () => number,
  isStale: (member: Member) => boolean
): ReadonlyArray<Member> => {
  const dropped: Array<Member> = []
  const kept: Array<Entry> = []
  for (const entry of members.order) {
    if (!isStale(entry.member)) kept.push(entry)
    else {
      dropped.push(entry.member)
      members.byName.delete(entry.member.name)
      countPlace(members, entry.member, -1)
      countStatus(members, entry.member, -1)
    }
  }
  shuffle(random, kept)
  members.order = kept
  members.probeIndex = 0
  return dropped
}
