/**
 * Pausing: holds a stream back, so that its peer may send the rest of its window and little more.
 *
 * `pause` alone does not: Node reads on until 64 KiB wait in a paused stream, and gives as much of the window back. So
 * meanwhile a held stream gets nothing when it asks for more, until at most `aheadBytes` wait.
 */
import type { Readable } from "node:stream"

/** Bytes that may wait beside a window: more is asked for before they are all taken, so the peer need not wait. */
export const aheadBytes = 32 * 1024

const readNothing = (): void => {}

export const hold = (stream: Readable): void => {
  stream._read = readNothing
  stream.pause()
}

/** Reads on if little enough waits. Call it whenever some of that was taken. */
export const readOn = (stream: Readable): void => {
  if (stream._read !== readNothing || stream.readableLength > aheadBytes) return
  const { _read }: Readable = Object.getPrototypeOf(stream)
  // Deleting the property that `hold` has set would make a slow object of the stream.
  stream._read = _read
  // Asks again, for the reads that were ignored meanwhile.
  stream._read(0)
}

export const release = (stream: Readable): void => {
  stream.resume()
  readOn(stream)
}
