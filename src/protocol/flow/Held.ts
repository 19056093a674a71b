/**
 * Held: bytes of a known total length, assembled from chunks in memory of their own.
 *
 * Bounds: memory of at most twice the bytes received; all of it once `wholeFromBytes` have come.
 */

/** Bytes received from which on all memory is allocated. */
export const wholeFromBytes = 8 * 1024

/** Total length up to which all memory is allocated at the first byte. */
export const smallBytesMax = 512

export interface Held {
  bytes: Uint8Array
  /** Bytes received. */
  count: number
}

const nothing = new Uint8Array(0)

export const make = (): Held => ({ bytes: nothing, count: 0 })

/** Adds a part of a chunk to bytes that will be `wantedBytes` in all. */
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

/** Returns the bytes received so far. */
export const view = (held: Held): Uint8Array => held.bytes.subarray(0, held.count)

/** Returns the bytes received, and empties `held`. */
export const take = (held: Held): Uint8Array => {
  const bytes = view(held)
  held.bytes = nothing
  held.count = 0
  return bytes
}
