/**
 * When a certificate is good, and when it is time to say that it will not be for much longer.
 */

/** In milliseconds since 1970. */
export interface Span {
  readonly fromMillis: number
  readonly untilMillis: number
}

export type Standing = "early" | "good" | "ending" | "over"

const weekMillis = 7 * 86_400_000

/** How long before its end a certificate counts as ending: a tenth of its life, a week at most. */
export const noticeMillis = ({ fromMillis, untilMillis }: Span): number =>
  Math.min((untilMillis - fromMillis) / 10, weekMillis)

export const standing = (span: Span, nowMillis: number): Standing => {
  if (nowMillis < span.fromMillis) return "early"
  if (nowMillis > span.untilMillis) return "over"
  return nowMillis >= span.untilMillis - noticeMillis(span) ? "ending" : "good"
}
