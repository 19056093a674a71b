/**
 * Bans: peers, each an address or the hosts that it has proven, that get no new connection for a while, since one of their sessions was a flood.
 *
 * An address is free, banned until a time, and free again; a repeated flood restarts its ban. Open connections of the
 * address stay, since others may share it.
 * Bounds: at most `addressesMax` are banned; a further ban lifts the oldest one.
 * Units: milliseconds of a monotonic clock.
 * Source: faults.md, row H3.
 */
export interface Bans {
  readonly banMillis: number
  readonly addressesMax: number
  /** End of each ban by address, in order, since all bans last equally long. */
  readonly until: Map<string, number>
}

export const make = (banMillis: number, addressesMax: number): Bans => ({ banMillis, addressesMax, until: new Map() })

export const ban = ({ addressesMax, banMillis, until }: Bans, address: string, nowMillis: number): void => {
  until.delete(address)
  until.set(address, nowMillis + banMillis)
  for (const [first, end] of until) {
    if (end > nowMillis && until.size <= addressesMax) return
    until.delete(first)
  }
}

export const isBanned = ({ until }: Bans, address: string, nowMillis: number): boolean => {
  const end = until.get(address)
  if (end === undefined) return false
  if (end > nowMillis) return true
  until.delete(address)
  return false
}
