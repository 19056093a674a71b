/**
 * Addresses that get no new connection for a while, since a session of theirs was a flood.
 *
 * An address is free, banned until a time, and free again; one that floods again is banned anew from then on. What it has
 * open is left alone, since others may share the address.
 * Bounds: at most `addressesMax` are banned; one more frees the one that was banned first.
 * Units: milliseconds of a clock that nobody sets.
 * Source: faults.md, row H3.
 */
export interface Bans {
  readonly banMillis: number
  readonly addressesMax: number
  /** Until when, by address; in the order in which they end, since all last equally long. */
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
