/**
 * Gate of a flow port: bounds connections in all, per address and per peer, and refuses addresses and peers that flood.
 *
 * A peer that proves its host counts by that, at any address: a thousand hosts behind one address are a thousand peers.
 * Before that, and without proof, the address counts, and for IPv6 also its /64, in which anybody has as many addresses
 * as they like and a whole mesh may live. While a peer proves itself it takes none of the seats of proven peers.
 *
 * Loopback is exempt from the bounds of an address unless `limitsLoopback` is set. All processes of a machine share it,
 * so it identifies nobody: a fabric of many hosts on one machine would exceed the bound, and one process could have all
 * others shut out by flooding. Beyond loopback an address is at most one machine, or the clients behind one forwarder.
 *
 * States of a connection: arriving (proves itself) -> inside (at once where no proof is asked for) -> retired (takes no
 * more flows) -> gone.
 * Invariants: at most `sessionsMax` are inside, the last seats for peers that hold few (`Seats`); `arrivingMax` arrive;
 * each bound address, network or peer keeps its own bound. As many as may be inside may be retired, and `retiredTimes`
 * as many per bound key: a further one closes the oldest retired one, so that long flows shut nobody out.
 * Source: faults.md, row H3; security.md, D-15.
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

/** Connections of one proven host: it needs one, and another before the first takes no more flows. */
export const sessionsPerPeerMax = 8

/** Retired connections per connection inside: one for each certificate that both sides had lately. */
export const retiredTimes = 4

/** Connections of an IPv6 /64, per connection that one of its addresses may have. */
export const addressesPerNetwork = 16

/** Connections that prove themselves at a time. */
export const arrivingMax = 1024

export interface Gate {
  readonly bounds: Bounds
  readonly bans: Bans.Bans
  /** Connections by the address, network or peer they count by. */
  readonly inside: Map<string, number>
  readonly arriving: Set<Seat>
  /** Connections that take no more flows, the oldest first, and their number by address, network or peer. */
  readonly retired: Set<Seat>
  readonly retiredBy: Map<string, number>
  /** Connections inside. */
  total: number
}

/** Connection that the gate has taken. */
export interface Seat {
  readonly address: string
  /** Peer that the connection counts for: a proven host, or a source of strangers. */
  peer: string
  /** Keys of `inside` or `retiredBy` that count the connection. */
  keys: ReadonlyArray<string>
  isInside: boolean
}

/** Why a connection is refused: its peer or address is banned, or has enough, or the port is full. */
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

/** Normalizes an address for counting: an IPv4 address may come mapped to IPv6. */
export const addressOf = (text: string): string => {
  const bytes = Address.parseHost(text)
  return bytes === undefined ? text : Address.host(bytes)
}

/** Returns the key that counts the strangers at an address. */
const sourceOf = (address: string): string => {
  const bytes = Address.parseHost(address)
  return bytes === undefined || Address.isLoopback(bytes) ? address : Address.source(bytes)
}

/** Returns the peer proven to be these hosts. Names have no space, so no source of strangers equals it. */
export const peerOf = (hosts: ReadonlyArray<string>): string => `host ${[...hosts].sort().join(" ")}`

export const isProven = (peer: string): boolean => peer.startsWith("host ")

/** Returns true when the bounds apply to this peer or address. */
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

/** Returns true when the port has no seat left for a peer with `others` connections inside. */
const isFull = (gate: Gate, peer: string, others: number): boolean => {
  const { kept, max, own } = Seats.sharesOf(gate.bounds.sessionsMax)
  const isFew = others < own || !isBound(gate, peer)
  return gate.total >= (isFew ? max : max - kept)
}

/** Takes a connection, or says why not. `isProving`: it has to prove its host before it counts as inside. */
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

/** Returns the connection that arrives for longest, when more than `arrivingMax` do: close it. */
export const overdue = ({ arriving }: Gate): Seat | undefined => {
  if (arriving.size <= arrivingMax) return undefined
  for (const first of arriving) return first
  return undefined
}

/** Admits a connection with its proven hosts, perhaps none. Returns why it is refused; undefined when it is inside. */
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

/** Frees the seat of a connection that takes no more flows. Returns the retired one to close, if there are too many. */
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

/** Forgets a closed connection. Idempotent. */
export const leave = (gate: Gate, seat: Seat): void => {
  add(gate.retired.delete(seat) ? gate.retiredBy : gate.inside, seat.keys, -1)
  seat.keys = []
  gate.arriving.delete(seat)
  if (seat.isInside) gate.total -= 1
  seat.isInside = false
}

/** Bans a peer, unless it is exempt. Returns whether it did. */
export const ban = (gate: Gate, peer: string, nowMillis: number): boolean => {
  if (!isBound(gate, peer)) return false
  Bans.ban(gate.bans, peer, nowMillis)
  return true
}
