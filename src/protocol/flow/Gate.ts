/**
 * Which connections a flow port takes: so many in all, so many of one address and of one peer, and none of one that floods.
 *
 * A peer that proves which host it is counts by that, wherever it comes from: a thousand hosts behind one address are a thousand peers.
 * Before that, and if it proves nothing, its address counts, of IPv6 the address and its /64, in which anybody has as
 * many as they like and a whole mesh may live. While a peer proves itself it takes none of the places of those that have.
 *
 * Loopback is exempt from the bounds of an address unless `limitsLoopback` says otherwise. All processes of a machine share
 * it, so it does not say who somebody is: a fabric of many hosts on one machine would not get beyond the bound, and any
 * process could have all others shut out by flooding. Beyond loopback an address is at most one machine, or what
 * stands behind one that forwards.
 *
 * States of a connection: arriving (it proves itself) -> inside, or inside at once where nothing is to be proven -> retired, once it
 * takes no more flows -> gone.
 * Invariants: at most `sessionsMax` are inside, the last of them of peers that hold few (`Seats`), `arrivingMax` arrive, and of an address, network or peer that is bound as many as its
 * bound says. As many as are inside may be retired in all, and `retiredTimes` as many of one that is bound: whoever retires one more
 * loses the one that was retired first, and so nobody is shut out by flows that go on.
 * Source: faults.md, rows H3 and D-15.
 */
import * as Address from "../Address.ts"
import * as Bans from "./Bans.ts"
import * as Seats from "./Seats.ts"

export interface Bounds {
  readonly sessionsMax: number
  readonly sessionsPerAddressMax: number
  readonly banMillis: number
  readonly limitsLoopback: boolean
}

/** Connections of one host that has proven who it is: it has one, and another before that one takes no more flows. */
export const sessionsPerPeerMax = 8

/** Connections that take no more flows, for each that takes some: one for each certificate that both sides had of late. */
export const retiredTimes = 4

/** Connections of a /64 of IPv6, for each that one of its addresses may have. */
export const addressesPerNetwork = 16

/** Connections that prove who is there, at a time. */
export const arrivingMax = 1024

export interface Gate {
  readonly bounds: Bounds
  readonly bans: Bans.Bans
  /** Connections by address, network and peer, of those that count by it. */
  readonly inside: Map<string, number>
  readonly arriving: Set<Seat>
  /** Those that take no more flows, in the order in which they came to that, and their number by what they have counted by. */
  readonly retired: Set<Seat>
  readonly retiredBy: Map<string, number>
  /** Those that are inside. */
  total: number
}

/** A connection that was taken. */
export interface Seat {
  readonly address: string
  /** Whom it counts for: a host that was proven, or a source of strangers. */
  peer: string
  /** What it counts by. */
  keys: ReadonlyArray<string>
  isInside: boolean
}

/** Why a connection is not taken: whoever it is is banned, or has enough, or the port has. */
export type Refusal = "banned" | "crowded" | "full"

const bannedMax = 4096

export const make = (bounds: Bounds): Gate => ({
  bounds,
  bans: Bans.make(bounds.banMillis, bannedMax),
  inside: new Map(),
  arriving: new Set(),
  retired: new Set(),
  retiredBy: new Map(),
  total: 0
})

/** An address in the one form in which it is counted: an IPv4 address may come mapped to IPv6. */
export const addressOf = (text: string): string => {
  const bytes = Address.parseHost(text)
  return bytes === undefined ? text : Address.host(bytes)
}

/** Whom strangers at an address are counted as. */
const sourceOf = (address: string): string => {
  const bytes = Address.parseHost(address)
  return bytes === undefined || Address.isLoopback(bytes) ? address : Address.source(bytes)
}

/** The peer that has proven to be these hosts. A name holds no space, so no source of strangers is called so. */
export const peerOf = (hosts: ReadonlyArray<string>): string => `host ${[...hosts].sort().join(" ")}`

export const isProven = (peer: string): boolean => peer.startsWith("host ")

/** Whether the bounds hold for a peer, or those at an address. */
export const isBound = ({ bounds }: Gate, who: string): boolean => {
  if (bounds.limitsLoopback || isProven(who)) return true
  const bytes = Address.parseHost(who)
  return bytes === undefined || !Address.isLoopback(bytes)
}

const add = (counts: Map<string, number>, keys: ReadonlyArray<string>, more: 1 | -1): void => {
  for (const key of keys) {
    const count = (counts.get(key) ?? 0) + more
    if (count > 0) counts.set(key, count)
    else counts.delete(key)
  }
}

const mostOf = ({ bounds }: Gate, key: string): number => {
  const one = isProven(key) ? sessionsPerPeerMax : bounds.sessionsPerAddressMax
  return key.endsWith("/64") ? addressesPerNetwork * one : one
}

const hasRoom = (gate: Gate, key: string): boolean => (gate.inside.get(key) ?? 0) < mostOf(gate, key)

/** Whether there is no place for a peer that has so many. */
const isFull = (gate: Gate, peer: string, others: number): boolean => {
  const { kept, max, own } = Seats.sharesOf(gate.bounds.sessionsMax)
  const isFew = others < own || !isBound(gate, peer)
  return gate.total >= (isFew ? max : max - kept)
}

/** Takes a connection, or says why not. `isProving`: it is to say who is there before it counts as inside. */
export const arrive = (gate: Gate, address: string, nowMillis: number, isProving: boolean): Seat | Refusal => {
  const source = sourceOf(address)
  const keys = source === address ? [address] : [address, source]
  if (isBound(gate, address)) {
    if (Bans.isBanned(gate.bans, source, nowMillis)) return "banned"
    if (!keys.every((key) => hasRoom(gate, key))) return "crowded"
  }
  if (!isProving && isFull(gate, source, gate.inside.get(source) ?? 0)) return "full"
  const seat = { address, peer: source, keys, isInside: !isProving }
  add(gate.inside, keys, 1)
  if (isProving) gate.arriving.add(seat)
  else gate.total += 1
  return seat
}

/** The one that has been arriving for longest, if they are too many: it has had its time. */
export const overdue = ({ arriving }: Gate): Seat | undefined => {
  if (arriving.size <= arrivingMax) return undefined
  for (const first of arriving) return first
  return undefined
}

/** A connection has proven which hosts are there, perhaps none; why it may not go in, if so. */
export const prove = (gate: Gate, seat: Seat, hosts: ReadonlyArray<string>, nowMillis: number): Refusal | undefined => {
  if (seat.isInside || !gate.arriving.delete(seat)) return undefined
  if (hosts.length > 0) {
    const peer = peerOf(hosts)
    if (Bans.isBanned(gate.bans, peer, nowMillis)) return "banned"
    if (!hasRoom(gate, peer)) return "crowded"
    add(gate.inside, seat.keys, -1)
    seat.peer = peer
    seat.keys = [peer]
    add(gate.inside, seat.keys, 1)
  }
  if (isFull(gate, seat.peer, (gate.inside.get(seat.peer) ?? 1) - 1)) return "full"
  seat.isInside = true
  gate.total += 1
  return undefined
}

/** A connection takes no more flows, and so none of the places; the one that is to be closed for it, if they are too many. */
export const retire = (gate: Gate, seat: Seat): Seat | undefined => {
  const { bounds, inside, retired, retiredBy } = gate
  if (!seat.isInside) return undefined
  seat.isInside = false
  gate.total -= 1
  add(inside, seat.keys, -1)
  add(retiredBy, seat.keys, 1)
  retired.add(seat)
  const isCrowded = (key: string): boolean => (retiredBy.get(key) ?? 0) > retiredTimes * mostOf(gate, key)
  const crowded = isBound(gate, seat.peer) ? seat.keys.find(isCrowded) : undefined
  if (crowded === undefined && retired.size <= bounds.sessionsMax) return undefined
  for (const first of retired) if (crowded === undefined || first.keys.includes(crowded)) return first
  return undefined
}

/** A connection that was taken is closed. Saying it twice is fine. */
export const leave = (gate: Gate, seat: Seat): void => {
  add(gate.retired.delete(seat) ? gate.retiredBy : gate.inside, seat.keys, -1)
  seat.keys = []
  gate.arriving.delete(seat)
  if (seat.isInside) gate.total -= 1
  seat.isInside = false
}

/** Bans a peer, unless it is exempt; whether it did. */
export const ban = (gate: Gate, peer: string, nowMillis: number): boolean => {
  if (!isBound(gate, peer)) return false
  Bans.ban(gate.bans, peer, nowMillis)
  return true
}
