/**
 * Something of a known length that comes in pieces, put together in memory of its own.
 *
 * Bounds: what is held is at most twice what has come, until `wholeFromBytes` have: then it is all of it.
 */

/** What of it must have come before it is worth all of its memory. */
export const wholeFromBytes = 8 * 1024

/** What is no longer than this has its memory from the first byte on. */
export const smallBytesMax = 512

export interface Held {
  bytes: Uint8Array
  /** How many of them have come. */
  count: number
}

const nothing = new Uint8Array(0)

export const make = (): Held => ({ bytes: nothing, count: 0 })

/** Adds a part of a chunk, on the way to `wantedBytes` in all. */
export const add = (held: Held, chunk: Uint8Array, from: number, to: number, wantedBytes: number): void => {
  const count = held.count + to - from
  if (count > held.bytes.byteLength) {
    const isWhole = wantedBytes <= smallBytesMax || count >= wholeFromBytes
    const grown = new Uint8Array(isWhole ? wantedBytes : Math.min(wantedBytes, Math.max(count, 2 * held.count)))
    grown.set(held.bytes.subarray(0, held.count))
    held.bytes = grown
  }
  held.bytes.set(chunk.subarray(from, to), held.count)
  held.count = count
}

/** What has come so far. */
export const view = (held: Held): Uint8Array => held.bytes.subarray(0, held.count)

/** As `view`, and holds nothing any more. */
export const take = (held: Held): Uint8Array => {
  const bytes = view(held)
  held.bytes = nothing
  held.count = 0
  return bytes
}
