/**
 * Pieces of a message that was cut, until it is whole.
 *
 * Bounds: memory of at most twice their bytes, however small they come, and a fixed number of objects for each
 * `smallBytesMax` bytes: small pieces are gathered in memory that grows by doubling, and a larger piece keeps no buffer
 * alive of which it fills less than half.
 */
import { concat } from "../Bytes.ts"
import { own } from "./Batch.ts"

/** Size below which pieces are gathered. */
export const smallBytesMax = 1024

/** Size from which on gathered memory is closed. */
const gatheredBytesMax = 64 * 1024

const gatheredBytesMin = 16

export interface Pieces {
  /** Closed memory of pieces, in order; the open gathered one is not among it. */
  readonly blocks: Array<Uint8Array>
  gathered: Uint8Array
  gatheredBytes: number
  /** Bytes of all pieces. */
  bytes: number
}

const nothing = new Uint8Array(0)

export const make = (): Pieces => ({ blocks: [], gathered: nothing, gatheredBytes: 0, bytes: 0 })

export const isEmpty = ({ bytes }: Pieces): boolean => bytes === 0

const close = (pieces: Pieces): void => {
  if (pieces.gatheredBytes > 0) pieces.blocks.push(pieces.gathered.subarray(0, pieces.gatheredBytes))
  pieces.gathered = nothing
  pieces.gatheredBytes = 0
}

const gather = (pieces: Pieces, piece: Uint8Array): void => {
  const bytes = pieces.gatheredBytes + piece.byteLength
  if (bytes > pieces.gathered.byteLength) {
    const grown = new Uint8Array(Math.max(gatheredBytesMin, bytes, 2 * pieces.gatheredBytes))
    grown.set(pieces.gathered.subarray(0, pieces.gatheredBytes))
    pieces.gathered = grown
  }
  pieces.gathered.set(piece, pieces.gatheredBytes)
  pieces.gatheredBytes = bytes
  if (bytes >= gatheredBytesMax) close(pieces)
}

/** Adds the next piece. */
export const add = (pieces: Pieces, piece: Uint8Array): void => {
  pieces.bytes += piece.byteLength
  if (piece.byteLength < smallBytesMax) return gather(pieces, piece)
  close(pieces)
  pieces.blocks.push(own(piece))
}

/** Returns the whole message, which ends with `last`, and forgets its pieces. */
export const join = (pieces: Pieces, last: Uint8Array): Uint8Array => {
  close(pieces)
  const whole = concat([...pieces.blocks, last])
  pieces.blocks.length = 0
  pieces.bytes = 0
  return whole
}
