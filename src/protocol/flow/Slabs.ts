/**
 * The messages of a frame, in memory of their own: copies, a few kilobytes at a time, so that what a reader keeps of a frame
 * holds on to one slab at most, not to the frame, nor to the network's buffer in which the frame came; and a small message
 * costs no memory of its own. A message that fills at least half of the buffer under it is left where it is.
 */

/** What a message that is kept may keep alive with it; a larger one is copied alone. */
export const slabBytesMax = 8 * 1024

export interface Slabs {
  readonly frame: Uint8Array
  slab: ArrayBufferLike
  /** Where the slab begins and ends in the frame. */
  start: number
  end: number
  /** A message was left in the frame. */
  isKept: boolean
}

const nothing = new ArrayBuffer(0)

export const make = (frame: Uint8Array): Slabs => ({ frame, slab: nothing, start: 0, end: 0, isKept: false })

/** Whether a message of so many bytes may stay in a buffer of so many. */
export const mayStay = (messageBytes: number, bufferBytes: number): boolean =>
  messageBytes > slabBytesMax && 2 * messageBytes >= bufferBytes

/** A message that needs no slab: a large one, or one that nothing follows. */
const alone = (slabs: Slabs, at: number, bytes: number): Uint8Array => {
  const { buffer, byteOffset } = slabs.frame
  if (!mayStay(bytes, buffer.byteLength)) return slabs.frame.slice(at, at + bytes)
  slabs.isKept = true
  return new Uint8Array(buffer, byteOffset + at, bytes)
}

/** A part of the frame; the parts are asked for in the order in which they stand there. */
export const cut = (slabs: Slabs, at: number, bytes: number): Uint8Array => {
  if (at + bytes > slabs.end) {
    if (bytes > slabBytesMax / 2 || at + bytes === slabs.frame.byteLength) return alone(slabs, at, bytes)
    slabs.start = at
    slabs.end = Math.min(at + slabBytesMax, slabs.frame.byteLength)
    slabs.slab = slabs.frame.slice(at, slabs.end).buffer
  }
  return new Uint8Array(slabs.slab, at - slabs.start, bytes)
}
