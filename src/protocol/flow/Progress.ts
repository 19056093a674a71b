/**
 * Whether a frame that has begun to come goes on coming: a peer may be silent between two frames, but not within one.
 *
 * It is looked at from time to time. States: idle (no frame has begun) -> open (since when, and what came since the last
 * mark) -> stalled. While this side does not read, nothing is held against the peer.
 * Source: faults.md, rows E2 and E3.
 */
export interface Bounds {
  /** How long a frame may take once it has begun, in milliseconds. */
  readonly frameMillisMax: number
  /** How long a frame may come slowly, in milliseconds. */
  readonly slowMillisMax: number
  /** What is not slow, in bytes per second. */
  readonly bytesPerSecondMin: number
}

export const defaults: Omit<Bounds, "frameMillisMax"> = { slowMillisMax: 10_000, bytesPerSecondMin: 1000 }

export interface Progress {
  /** Number of the frame that is open, undefined when none is. */
  frame: number | undefined
  sinceMillis: number
  markMillis: number
  markBytes: number
}

export const make = (): Progress => ({ frame: undefined, sinceMillis: 0, markMillis: 0, markBytes: 0 })

export interface Look {
  readonly nowMillis: number
  /** Number of the frame of which a part has come; undefined when none has, or when this side does not read. */
  readonly frame: number | undefined
  /** All bytes that have come so far. */
  readonly bytes: number
}

/** What is wrong with how a frame comes; undefined when nothing is. */
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
