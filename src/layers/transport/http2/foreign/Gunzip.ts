/**
 * Gunzip: inflates messages of foreign clients, in a thread of its own: a frame may hold a thousand times as much as it
 * takes. Hosts compress nothing that they send over flows, and inflate nothing that comes from one another.
 */
import * as zlib from "node:zlib"

/** Failure of an inflation: more bytes than allowed, or no gzip. */
export interface Failed {
  readonly isTooLarge: boolean
  readonly detail: string
}

/** Calls `told` with the inflated bytes, at most `bytesMax`, or with why there are none. */
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
