/**
 * Holds a stream back, so that its peer may send what is left of its window and little more.
 *
 * `pause` alone does not: Node reads on until 64 KiB wait in a paused stream, and gives as much of the window back. So
 * meanwhile it gets nothing when it asks for more, until `aheadBytes` are left of what waits.
 */
import type { Readable } from "node:stream"

/** What may wait beside a window: more is asked for before the last of it is taken, so that the peer need not wait. */
export const aheadBytes = 32 * 1024

const readNothing = (): void => {}

export const hold = (stream: Readable): void => {
  stream._read = readNothing
  stream.pause()
}

/** Reads on if little enough waits: to be asked whenever some of it was taken. */
export const readOn = (stream: Readable): void => {
  if (stream._read !== readNothing || stream.readableLength > aheadBytes) return
  const { _read }: Readable = Object.getPrototypeOf(stream)
  // To delete what `hold` has set would make a slow object of the stream.
  stream._read = _read
  // What was asked for meanwhile.
  stream._read(0)
}

export const release = (stream: Readable): void => {
  stream.resume()
  readOn(stream)
}
