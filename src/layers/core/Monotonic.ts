/** Time in milliseconds on the monotonic clock, which nobody sets. Deadlines use it, never a time of day. */
import { Clock, type Duration, Effect } from "effect"

/** Longest delay of a timer, in milliseconds: 24 days. A flow with a later deadline ends then. */
const timerMillisMax = 2 ** 31 - 1

/** Returns the monotonic time of a clock, in milliseconds. */
export const nowOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

export const now: Effect.Effect<number> = Clock.clockWith((clock) => Effect.sync(() => nowOf(clock)))

/** Returns the monotonic time at which a deadline of `millis` from now is over; undefined without a deadline. */
export const at = (millis: number | undefined): Effect.Effect<number | undefined> =>
  millis === undefined ? Effect.undefined : Effect.map(now, (nowMillis) => nowMillis + millis)

/** Returns the time left until a deadline, in whole milliseconds, at least 0; undefined without a deadline. */
export const left = (at: number | undefined): Effect.Effect<number | undefined> =>
  at === undefined ? Effect.undefined : Effect.map(now, (millis) => Math.max(0, Math.ceil(at - millis)))

/** Returns the delay of a timer over `millis`, at most the longest delay there is. */
export const timer = (millis: number): Duration.Input => Math.min(millis, timerMillisMax)
