/**
 * Pool of frame buffers: allocating a buffer of this size costs more than filling it, mostly as garbage collection.
 *
 * Bounds: one buffer for each frame being packed or written; at most `sparesMax` spare ones are kept, two megabytes in
 * all. A buffer of up to `smallBytesMax`, or above `wholeBytes`, has its exact size and is not kept.
 */
export interface Buffers {
  readonly spares: Array<Uint8Array>
  /** Buffers allocated by this pool; only these are kept when given back. */
  readonly own: WeakSet<ArrayBufferLike>
}

/** Pooled buffer, in bytes: fits a frame of the default limits, 64 KiB with the tags and lengths of 1024 messages. */
export const wholeBytes = 72 * 1024

const smallBytesMax = 4 * 1024

const sparesMax = 28

export const make = (): Buffers => ({ spares: [], own: new WeakSet() })

const makeWhole = (buffers: Buffers): Uint8Array => {
  const bytes = new Uint8Array(wholeBytes)
  buffers.own.add(bytes.buffer)
  return bytes
}

/** Returns a buffer of at least `bytes` bytes, with arbitrary content. */
export const take = (buffers: Buffers, bytes: number): Uint8Array =>
  bytes <= smallBytesMax || bytes > wholeBytes ? new Uint8Array(bytes) : (buffers.spares.pop() ?? makeWhole(buffers))

/** Returns the buffer under these bytes to the pool, if it came from there. Nobody may read it any more. */
export const give = (buffers: Buffers, { buffer }: Uint8Array): void => {
  if (buffers.own.has(buffer) && buffers.spares.length < sparesMax) buffers.spares.push(new Uint8Array(buffer))
}
