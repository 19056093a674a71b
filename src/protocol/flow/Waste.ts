/**
 * Wasted bytes of a session, which bring no flow forward: empty frames, frames of unknown kinds, PRIORITY, unneeded
 * window updates, excessive headers, frames of flows in pieces of a few bytes, and whatever else HTTP/2 lets a peer send
 * for ever.
 *
 * Useful traffic pays for itself, generously: each piece of a stream for its bytes and the frame around it, a stream
 * that carries something for its headers, bytes sent to the peer for their acknowledgements and windows. The rest is
 * taken from a token bucket. Unused payment is not saved up.
 */
import * as Bucket from "../Bucket.ts"

/**
 * Waste allowed as a burst and per second, in bytes. The burst covers the headers, two hundred bytes each, of the ten
 * thousand streams that a connection may reset at once before they carry something.
 */
export const wasteBytesMax = 2 * 1024 * 1024
export const wasteBytesPerSecond = 64 * 1024

/** Frame around a piece of a stream, however small, with padding. */
const pieceBytes = 512
/** Largest piece that is a fragment, unless a frame of a flow ends in it. */
export const fragmentBytesMax = 64
/** Fragments that one other piece pays for: some clients write the header of an envelope by itself. */
const fragmentsPerPiece = 4
/** Charge for a fragment beyond those: it costs as much work as a whole message. */
const fragmentBytes = 64
/** Headers of a stream, whose list may be this long. */
const streamBytes = 16 * 1024
/** Per byte sent: two WINDOW_UPDATE and a PING for a piece of a few bytes. */
const sentFactor = 4

/** Traffic of a session since it began. */
export interface Traffic {
  readonly readBytes: number
  readonly sentBytes: number
  readonly pieces: number
  readonly pieceBytes: number
  /** Pieces of a few bytes in which no frame of a flow ends. */
  readonly fragments: number
  readonly streams: number
}

export interface Waste {
  readonly bucket: Bucket.Bucket
  /** Bytes received up to the last look, and the unpaid ones among them. */
  readBytes: number
  unpaidBytes: number
  /** Pieces up to the last look, and the fragments among them. */
  pieces: number
  fragments: number
}

export const make = (nowMillis: number): Waste => ({
  bucket: Bucket.make(wasteBytesMax, wasteBytesPerSecond, nowMillis),
  readBytes: 0,
  unpaidBytes: 0,
  pieces: 0,
  fragments: 0
})

const unpaid = (traffic: Traffic): number =>
  traffic.readBytes -
  traffic.pieceBytes -
  pieceBytes * traffic.pieces -
  streamBytes * traffic.streams -
  sentFactor * traffic.sentBytes

/** Returns the fragments since the last look that no other piece pays for. */
const unpaidFragments = (waste: Waste, { fragments, pieces }: Traffic): number => {
  const came = fragments - waste.fragments
  return Math.max(0, came - fragmentsPerPiece * (pieces - waste.pieces - came))
}

/** Charges the traffic since the last look. Returns false when more of it was wasted than allowed. */
export const look = (waste: Waste, traffic: Traffic, nowMillis: number): boolean => {
  const unpaidBytes = unpaid(traffic)
  const wasted = Math.max(0, unpaidBytes - waste.unpaidBytes) + fragmentBytes * unpaidFragments(waste, traffic)
  waste.unpaidBytes = unpaidBytes
  waste.readBytes = traffic.readBytes
  waste.pieces = traffic.pieces
  waste.fragments = traffic.fragments
  return Bucket.take(waste.bucket, nowMillis, wasted)
}
