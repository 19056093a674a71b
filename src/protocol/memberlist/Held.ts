/**
 * Bounds the memory of all gossip streams together: bytes received and not yet taken in.
 *
 * Each stream has `freeBytes` uncounted, so that a host can join however much others send. Payloads that no key
 * has opened may be anybody's, so their bound is smaller, with a share per address and a part kept for members.
 */

/** Bytes that each stream may hold uncounted. */
export const freeBytes = 65_536
/** Bytes that all streams together may hold beyond `freeBytes`. */
export const heldBytesMax = 201_326_592
/** The part of `heldBytesMax` for streams whose peer has not shown a key yet. */
export const unopenedBytesMax = 67_108_864
/** The parts of `unopenedBytesMax` for all strangers, and for one address. A legal payload has 20 MiB. */
export const strangerBytesMax = 41_943_040
export const sourceBytesMax = 33_554_432

export interface Held {
  bytes: number
  unopenedBytes: number
  readonly unopenedBySource: Map<string, number>
}

/** Counted bytes of one stream. */
export interface Share {
  readonly source: string
  readonly isMember: boolean
  bytes: number
  unopenedBytes: number
}

export const make = (): Held => ({ bytes: 0, unopenedBytes: 0, unopenedBySource: new Map() })

export const share = (source: string, isMember: boolean): Share => ({ source, isMember, bytes: 0, unopenedBytes: 0 })

const set = (held: Held, share: Share, bytes: number, unopenedBytes: number): void => {
  held.bytes += bytes - share.bytes
  held.unopenedBytes += unopenedBytes - share.unopenedBytes
  const ofSource = (held.unopenedBySource.get(share.source) ?? 0) + unopenedBytes - share.unopenedBytes
  if (ofSource > 0) held.unopenedBySource.set(share.source, ofSource)
  else held.unopenedBySource.delete(share.source)
  share.bytes = bytes
  share.unopenedBytes = unopenedBytes
}

/** Updates the bytes that a stream holds; false when they exceed a bound, and the caller gives the stream up. */
export const hold = (held: Held, share: Share, bytes: number, isOpened: boolean): boolean => {
  const counted = Math.max(0, bytes - freeBytes)
  const isMore = counted > share.bytes
  set(held, share, counted, isOpened ? 0 : counted)
  if (!isMore) return true
  if (held.bytes > heldBytesMax) return false
  if (isOpened) return true
  const ofSource = held.unopenedBySource.get(share.source) ?? 0
  return held.unopenedBytes <= (share.isMember ? unopenedBytesMax : strangerBytesMax) && ofSource <= sourceBytesMax
}

export const release = (held: Held, share: Share): void => set(held, share, 0, 0)
