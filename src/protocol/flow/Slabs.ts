/**
 * Copies of the messages of a frame, a few kilobytes at a time: what a reader keeps of a frame holds on to one slab at most,
 * not to the frame, nor to the network's buffer in which the frame came; and a small message costs no memory of its own.
 */

/** What a message that is kept may keep alive with it; a larger one is copied alone. */
export const slabBytesMax = 8 * 1024

export interface Slabs {
  readonly frame: Uint8Array
  slab: Uint8Array
  /** Where the slab begins and ends in the frame. */
  start: number
  end: number
}

const nothing = new Uint8Array(0)

export const make = (frame: Uint8Array): Slabs => ({ frame, slab: nothing, start: 0, end: 0 })

/** A copy of a part of the frame; the parts are asked for in the order in which they stand there. */
export const copy = (slabs: Slabs, at: number, bytes: number): Uint8Array => {
  if (at + bytes > slabs.end) {
    // A large message, or one that nothing follows, needs no slab.
    if (bytes > slabBytesMax / 2 || at + bytes === slabs.frame.byteLength) return slabs.frame.slice(at, at + bytes)
    slabs.start = at
    slabs.end = Math.min(at + slabBytesMax, slabs.frame.byteLength)
    slabs.slab = slabs.frame.slice(at, slabs.end)
  }
  return new Uint8Array(slabs.slab.buffer, slabs.slab.byteOffset + at - slabs.start, bytes)
}
