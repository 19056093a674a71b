/**
 * The bound of a whole flow, by the clock of either side: on the wire goes what is left of it, never a time of day.
 */
import { Clock, Context, type Duration, Effect, type Scope } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import { DeadlineExceeded } from "../../services/FlowError.ts"
import type { FlowChannel } from "../flow/FlowEnd.ts"
import * as Background from "./Background.ts"

/** The longest timer there is, in milliseconds: 24 days. A deadline beyond it ends the flow then. */
const timerMillisMax = 2 ** 31 - 1

/** The end of the flow in whose handler a fiber runs, in milliseconds on the monotonic clock: flows opened there end with it. */
export const Inherited = Context.Reference<number | undefined>("grinta/layers/FlowDeadline/Inherited", {
  defaultValue: () => undefined
})

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

/** Ends the flow on this side when its time is over. */
export const enforce = <E>(
  channel: FlowChannel<E>,
  millis: number | undefined
): Effect.Effect<void, never, Scope.Scope> => {
  if (millis === undefined) return Effect.void
  const detail = `it was given ${millis} ms`
  const expire = Effect.sync(() =>
    channel.fail(new DeadlineExceeded({ detail }), Frame.fail("DeadlineExceeded", detail))
  )
  return Effect.asVoid(Background.run("the deadline of a flow", Effect.delay(expire, timer(millis))))
}
