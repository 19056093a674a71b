/**
 * Seats that several peers share: anybody may take them, but the last eighth is for peers that hold few. So a greedy
 * peer shuts nobody out, and has nearly all seats while nobody else comes.
 *
 * Invariants: at most `max` are held; a peer that holds `own` or more takes none of the last `kept`.
 */
export interface Seats<Ticket> {
  readonly max: number
  readonly kept: number
  /** Reserved seats that one peer may hold: a sixteenth of them, so that several peers find some. */
  readonly own: number
  readonly held: Set<Ticket>
  readonly byPeer: Map<string, number>
}

/** Returns the shares of `max` seats. */
export const sharesOf = (max: number): Pick<Seats<never>, "max" | "kept" | "own"> => {
  const kept = Math.floor(max / 8)
  return { max, kept, own: Math.max(1, Math.floor(kept / 16)) }
}

export const make = <Ticket>(max: number): Seats<Ticket> => ({ ...sharesOf(max), held: new Set(), byPeer: new Map() })

/** Returns true when a peer may take a seat. An unnamed peer, of this process or machine, is not bounded by `own`. */
export const isFree = <Ticket>({ byPeer, held, kept, max, own }: Seats<Ticket>, peer: string | undefined): boolean => {
  if (held.size < max - kept) return true
  return held.size < max && (peer === undefined || (byPeer.get(peer) ?? 0) < own)
}

export const take = <Ticket>({ byPeer, held }: Seats<Ticket>, ticket: Ticket, peer: string | undefined): void => {
  held.add(ticket)
  if (peer !== undefined) byPeer.set(peer, (byPeer.get(peer) ?? 0) + 1)
}

/** Gives a seat back. Idempotent. */
export const give = <Ticket>({ byPeer, held }: Seats<Ticket>, ticket: Ticket, peer: string | undefined): void => {
  if (!held.delete(ticket) || peer === undefined) return
  const left = (byPeer.get(peer) ?? 0) - 1
  if (left > 0) byPeer.set(peer, left)
  else byPeer.delete(peer)
}
