/**
 * Bytes that come on a session and bring nothing: empty frames, frames of no known kind, PRIORITY, windows that nobody asked for,
 * headers that are too many, and all else that HTTP/2 lets a peer say for ever.
 *
 * What brings something pays for itself: the bytes of each piece of a stream and the frame around it, the headers of a stream
 * that comes to carry something, and for what is sent to the peer its acknowledgements and windows, generously. The rest
 * is taken from a bucket. What was brought is not saved up.
 */
import * as Bucket from "../Bucket.ts"

/**
 * What may be wasted at once, and in a second, in bytes. At once as much as the headers, two hundred bytes each, of the ten
 * thousand streams that a connection may reset at once before they carry something.
 */
export const wasteBytesMax = 2 * 1024 * 1024
export const wasteBytesPerSecond = 64 * 1024

/** The frame around a piece of a stream, however small, with padding. */
const pieceBytes = 512
/** The headers of a stream, whose list may be this long. */
const streamBytes = 16 * 1024
/** For each byte that is sent: two WINDOW_UPDATE and a PING for a piece of a few bytes. */
const sentFactor = 4

/** What has come to a session, and what was sent, since it began. */
export interface Traffic {
  readonly readBytes: number
  readonly sentBytes: number
  readonly pieces: number
  readonly pieceBytes: number
  readonly streams: number
}

export interface Waste {
  readonly bucket: Bucket.Bucket
  /** What had come at the last look, and what of it was not paid for. */
  readBytes: number
  unpaidBytes: number
}

export const make = (nowMillis: number): Waste => ({
  bucket: Bucket.make(wasteBytesMax, wasteBytesPerSecond, nowMillis),
  readBytes: 0,
  unpaidBytes: 0
})

const unpaid = (traffic: Traffic): number =>
  traffic.readBytes -
  traffic.pieceBytes -
  pieceBytes * traffic.pieces -
  streamBytes * traffic.streams -
  sentFactor * traffic.sentBytes

/** Looks what has come since the last look; false when more of it was wasted than may be. */
export const look = (waste: Waste, traffic: Traffic, nowMillis: number): boolean => {
  const unpaidBytes = unpaid(traffic)
  const wasted = Math.max(0, unpaidBytes - waste.unpaidBytes)
  waste.unpaidBytes = unpaidBytes
  waste.readBytes = traffic.readBytes
  return Bucket.take(waste.bucket, nowMillis, wasted)
}
