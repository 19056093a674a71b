/** Time on a clock that nobody sets, in milliseconds: what ends later is told by it, never by a time of day. */
import { Clock, type Duration, Effect } from "effect"

/** The longest timer there is, in milliseconds: 24 days. A deadline beyond it ends the flow then. */
const timerMillisMax = 2 ** 31 - 1

/** Milliseconds on a clock that nobody sets. */
export const nowOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

export const now: Effect.Effect<number> = Clock.clockWith((clock) => Effect.sync(() => nowOf(clock)))

/** When a deadline of so many milliseconds from now is over, on that clock; undefined when there is none. */
export const at = (millis: number | undefined): Effect.Effect<number | undefined> =>
  millis === undefined ? Effect.undefined : Effect.map(now, (nowMillis) => nowMillis + millis)

/** What is left of a deadline, in whole milliseconds; undefined when there is none. */
export const left = (at: number | undefined): Effect.Effect<number | undefined> =>
  at === undefined ? Effect.undefined : Effect.map(now, (millis) => Math.max(0, Math.ceil(at - millis)))

/** The time of a timer that many milliseconds from now. */
export const timer = (millis: number): Duration.Input => Math.min(millis, timerMillisMax)
