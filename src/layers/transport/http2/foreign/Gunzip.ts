/**
 * Inflating what a client from outside has compressed, in a thread of its own: a frame may hold a thousand times as much as
 * it says. Hosts compress nothing that they send over flows, and inflate nothing that comes from one another.
 */
import * as zlib from "node:zlib"

/** Why it came to nothing: it holds more than was allowed, or it is no gzip. */
export interface Failed {
  readonly isTooLarge: boolean
  readonly detail: string
}

/** Tells the bytes that were compressed, at most so many, or why there are none. */
export const inflate = (bytes: Uint8Array, bytesMax: number, told: (result: Uint8Array | Failed) => void): void => {
  zlib.gunzip(bytes, { maxOutputLength: bytesMax }, (error, inflated) => {
    if (error === null) return told(inflated)
    const isTooLarge = "code" in error && error.code === "ERR_BUFFER_TOO_LARGE"
    told({
      isTooLarge,
      detail: isTooLarge ? `a frame of more than ${bytesMax} bytes in gzip` : "a frame that is no gzip"
    })
  })
}
