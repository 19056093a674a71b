/** Alarm: runs an effect at the deadlines of a state machine, which each of its steps may move. */
import { Clock, Effect, Latch, type Scope } from "effect"
import * as Background from "./Background.ts"

export interface Options {
  /** Names the alarm in the log, should `ring` fail. */
  readonly what: string
  /** Returns the next deadline, in milliseconds of the monotonic clock: always a finite one. */
  readonly nextDeadline: () => number
  /** Runs once the deadline is reached, and moves it. */
  readonly ring: Effect.Effect<void>
}

export interface Alarm {
  /** Notices an earlier deadline: call it after a step. */
  readonly look: () => void
}

export const make = Effect.fnUntraced(function* ({
  nextDeadline,
  ring,
  what
}: Options): Effect.fn.Return<Alarm, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const isEarlier = Latch.makeUnsafe(false)
  const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  let armedAt = Number.POSITIVE_INFINITY
  const turn = Effect.gen(function* () {
    isEarlier.closeUnsafe()
    armedAt = nextDeadline()
    const millis = Math.ceil(armedAt - now())
    if (millis > 0) yield* Effect.raceFirst(Effect.sleep(millis), isEarlier.await)
    if (now() >= nextDeadline()) yield* ring
  })
  yield* Background.loop(what, turn)
  return {
    look: () => {
      if (nextDeadline() < armedAt) isEarlier.openUnsafe()
    }
  }
})
