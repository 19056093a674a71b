/**
 * Awareness: a host's own health score. 0 is healthy; each sign that a fault may be this host's own raises it.
 *
 * Scales the probe interval and, under `Rules.scaledTimeout`, the probe time-out.
 * Source: memberlist-wire.md, section 13.1.
 */

export interface Awareness {
  readonly max: number
  score: number
}

/** A `multiplierMax` of 1 keeps the score at 0. */
export const make = (multiplierMax: number): Awareness => ({ max: Math.max(0, multiplierMax - 1), score: 0 })

export const apply = (awareness: Awareness, delta: number): void => {
  awareness.score = Math.min(awareness.max, Math.max(0, awareness.score + delta))
}

export const scale = (awareness: Awareness, millis: number): number => millis * (awareness.score + 1)
