/**
 * Buffers for frames, used again: a new one of this size costs more than to fill it, and most of that as garbage collection.
 *
 * Bounds: as many as frames are being packed or written at a time; of those that are given back `sparesMax` are
 * kept, two megabytes in all. Up to `smallBytesMax` a buffer has its own size and is not kept.
 */
export interface Buffers {
  readonly spares: Array<Uint8Array>
  /** Those that were made here: no other is ever handed out. */
  readonly own: WeakSet<ArrayBufferLike>
}

/** Holds a frame of the usual limits: 64 KiB of payload, and the tags and lengths of its 1024 messages. */
export const wholeBytes = 72 * 1024

const smallBytesMax = 4 * 1024

const sparesMax = 28

export const make = (): Buffers => ({ spares: [], own: new WeakSet() })

const makeWhole = (buffers: Buffers): Uint8Array => {
  const bytes = new Uint8Array(wholeBytes)
  buffers.own.add(bytes.buffer)
  return bytes
}

/** A buffer of at least so many bytes, with whatever is in it. */
export const take = (buffers: Buffers, bytes: number): Uint8Array =>
  bytes <= smallBytesMax || bytes > wholeBytes ? new Uint8Array(bytes) : (buffers.spares.pop() ?? makeWhole(buffers))

/** Gives back the buffer under these bytes, if it came from here. Nobody may look at it any more. */
export const give = (buffers: Buffers, { buffer }: Uint8Array): void => {
  if (buffers.own.has(buffer) && buffers.spares.length < sparesMax) buffers.spares.push(new Uint8Array(buffer))
}
