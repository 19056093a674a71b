/**
 * The memory of what comes over streams and is not taken in yet, together.
 *
 * Each stream has a little that is always there, so that a host can join however much others send. What is sealed and not
 * opened yet may come from anybody: of that there is less, one address has a part of it, and a part is kept for members.
 */

/** What each stream may hold without being counted. */
export const freeBytes = 65_536
/** What all streams may hold together beyond that. */
export const heldBytesMax = 201_326_592
/** Of that, what is sealed under a key and not opened. */
export const unopenedBytesMax = 67_108_864
/** Of that, what strangers may hold, and what those of one address may. A legal payload has 20 MiB. */
export const strangerBytesMax = 41_943_040
export const sourceBytesMax = 33_554_432

export interface Held {
  bytes: number
  unopenedBytes: number
  readonly unopenedBySource: Map<string, number>
}

/** What one stream holds. */
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

/** Says what a stream holds by now; false when it is too much, and the stream is to be given up. */
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
