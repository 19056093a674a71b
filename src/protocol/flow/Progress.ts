/**
 * Progress of an incoming frame: a peer may be silent between two frames, but not within one.
 *
 * It is looked at from time to time. States: idle (no frame has begun) -> open (start time, and bytes since the last
 * mark) -> stalled. While this side does not read, nothing is held against the peer.
 * Source: faults.md, rows E2 and E3.
 */
export interface Bounds {
  /** Longest time of a frame once it has begun, in milliseconds. */
  readonly frameMillisMax: number
  /** Longest time of a frame below `bytesPerSecondMin`, in milliseconds. */
  readonly slowMillisMax: number
  /** Slowest rate of a frame, in bytes per second. */
  readonly bytesPerSecondMin: number
}

export const defaults: Omit<Bounds, "frameMillisMax"> = { slowMillisMax: 10_000, bytesPerSecondMin: 1000 }

export interface Progress {
  /** Number of the open frame; undefined when none is. */
  frame: number | undefined
  sinceMillis: number
  markMillis: number
  markBytes: number
}

export const make = (): Progress => ({ frame: undefined, sinceMillis: 0, markMillis: 0, markBytes: 0 })

export interface Look {
  readonly nowMillis: number
  /** Number of the incomplete frame; undefined when there is none, or when this side does not read. */
  readonly frame: number | undefined
  /** All bytes received. */
  readonly bytes: number
}

/** Returns why a frame is too slow; undefined when it is not. */
export const look = (progress: Progress, bounds: Bounds, { bytes, frame, nowMillis }: Look): string | undefined => {
  if (frame === undefined || frame !== progress.frame) {
    progress.frame = frame
    progress.sinceMillis = nowMillis
    progress.markMillis = nowMillis
    progress.markBytes = bytes
    return undefined
  }
  if (nowMillis - progress.sinceMillis >= bounds.frameMillisMax)
    return `a frame that was not complete after ${bounds.frameMillisMax} ms`
  const markedMillis = nowMillis - progress.markMillis
  if (markedMillis < bounds.slowMillisMax) return undefined
  const came = bytes - progress.markBytes
  if (came * 1000 < bounds.bytesPerSecondMin * markedMillis) return `${came} bytes of a frame in ${markedMillis} ms`
  progress.markMillis = nowMillis
  progress.markBytes = bytes
  return undefined
}
