/**
 * Which connections a flow port takes: so many in all, so many of one address, and none of an address that floods.
 *
 * Loopback is exempt from the bounds of an address unless `limitsLoopback` says otherwise. All processes of a machine share
 * it, so it does not say who somebody is: a fabric of many hosts on one machine would not get beyond the bound, and any
 * process could have all others shut out by flooding. Beyond loopback an address is at most one machine, or what
 * stands behind one that forwards. An IPv6 address is taken as it is: a whole /64 may be the network of a mesh.
 * Invariants: at most `sessionsMax` are inside, and of an address that is bound `sessionsPerAddressMax`.
 * Source: faults.md, rows H3 and D-15.
 */
import * as Address from "../Address.ts"
import * as Bans from "./Bans.ts"

export interface Bounds {
  readonly sessionsMax: number
  readonly sessionsPerAddressMax: number
  readonly banMillis: number
  readonly limitsLoopback: boolean
}

export interface Gate {
  readonly bounds: Bounds
  readonly bans: Bans.Bans
  /** Connections that are inside, by address. */
  readonly inside: Map<string, number>
  total: number
}

/** Why a connection is not taken: its address is banned, or has enough, or the port has. */
export type Refusal = "banned" | "crowded" | "full"

const bannedMax = 4096

export const make = (bounds: Bounds): Gate => ({
  bounds,
  bans: Bans.make(bounds.banMillis, bannedMax),
  inside: new Map(),
  total: 0
})

/** An address in the one form in which it is counted: an IPv4 address may come mapped to IPv6. */
export const addressOf = (text: string): string => {
  const bytes = Address.parseHost(text)
  return bytes === undefined ? text : Address.host(bytes)
}

const isBound = ({ bounds }: Gate, address: string): boolean => {
  if (bounds.limitsLoopback) return true
  const bytes = Address.parseHost(address)
  return bytes === undefined || !Address.isLoopback(bytes)
}

/** Takes a connection, or says why not. */
export const enter = (gate: Gate, address: string, nowMillis: number): Refusal | undefined => {
  const { bans, bounds, inside } = gate
  const count = inside.get(address) ?? 0
  if (isBound(gate, address)) {
    if (Bans.isBanned(bans, address, nowMillis)) return "banned"
    if (count >= bounds.sessionsPerAddressMax) return "crowded"
  }
  if (gate.total >= bounds.sessionsMax) return "full"
  inside.set(address, count + 1)
  gate.total += 1
  return undefined
}

/** A connection that was taken is closed. */
export const leave = (gate: Gate, address: string): void => {
  const count = gate.inside.get(address) ?? 0
  gate.total -= 1
  if (count > 1) gate.inside.set(address, count - 1)
  else gate.inside.delete(address)
}

/** Bans an address, unless it is exempt; whether it did. */
export const ban = (gate: Gate, address: string, nowMillis: number): boolean => {
  if (!isBound(gate, address)) return false
  Bans.ban(gate.bans, address, nowMillis)
  return true
}
