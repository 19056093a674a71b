/**
 * Places that several peers share: anybody may take them, but for the last eighth, which is for peers that hold few. So one that takes all
 * it can get shuts nobody out, and while nobody else comes it has nearly all.
 *
 * Invariants: at most `max` are held; a peer that holds `own` or more takes none of the last `kept`.
 */
export interface Seats<Ticket> {
  readonly max: number
  readonly kept: number
  /** What a peer may hold of those that are kept: a sixteenth of them, so that several find some. */
  readonly own: number
  readonly held: Set<Ticket>
  readonly byPeer: Map<string, number>
}

/** How places are shared. */
export const sharesOf = (max: number): Pick<Seats<never>, "max" | "kept" | "own"> => {
  const kept = Math.floor(max / 8)
  return { max, kept, own: Math.max(1, Math.floor(kept / 16)) }
}

export const make = <Ticket>(max: number): Seats<Ticket> => ({ ...sharesOf(max), held: new Set(), byPeer: new Map() })

/** Whether a peer may take a place now. One without a name is of this process, or of its machine, and shares with nobody. */
export const isFree = <Ticket>({ byPeer, held, kept, max, own }: Seats<Ticket>, peer: string | undefined): boolean => {
  if (held.size < max - kept) return true
  return held.size < max && (peer === undefined || (byPeer.get(peer) ?? 0) < own)
}

export const take = <Ticket>({ byPeer, held }: Seats<Ticket>, ticket: Ticket, peer: string | undefined): void => {
  held.add(ticket)
  if (peer !== undefined) byPeer.set(peer, (byPeer.get(peer) ?? 0) + 1)
}

/** Gives a place back. Saying it twice is fine. */
export const give = <Ticket>({ byPeer, held }: Seats<Ticket>, ticket: Ticket, peer: string | undefined): void => {
  if (!held.delete(ticket) || peer === undefined) return
  const left = (byPeer.get(peer) ?? 0) - 1
  if (left > 0) byPeer.set(peer, left)
  else byPeer.delete(peer)
}
