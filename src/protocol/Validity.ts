/** Validity of a certificate: whether it is in date, and when to warn that it will expire. */

/** Lifetime of a certificate, in milliseconds since 1970. */
export interface Span {
  readonly fromMillis: number
  readonly untilMillis: number
}

export type Standing = "early" | "good" | "ending" | "over"

const weekMillis = 7 * 86_400_000

/** Returns how long before its end a certificate counts as ending: a tenth of its lifetime, at most a week. */
export const noticeMillis = ({ fromMillis, untilMillis }: Span): number =>
  Math.min((untilMillis - fromMillis) / 10, weekMillis)

export const standing = (span: Span, nowMillis: number): Standing => {
  if (nowMillis < span.fromMillis) return "early"
  if (nowMillis > span.untilMillis) return "over"
  return nowMillis >= span.untilMillis - noticeMillis(span) ? "ending" : "good"
}
