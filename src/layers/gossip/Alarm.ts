/** Alarm: the one timer of the membership machine. */
import { Effect, FiberHandle } from "effect"
import * as Background from "../core/Background.ts"

/** A timer that wakes later than this shows a busy process: packets that came meanwhile are read before it acts. */
const lateMillis = 50
const catchUpMillis = 20

export interface Options {
  readonly now: () => number
  /** Returns when the timer is due, in milliseconds. */
  readonly due: () => number
  readonly ring: Effect.Effect<unknown>
}

/** Makes the timer. `arm` sets it, unless it is set to the due time or an earlier one; `rang` says that it has rung. */
export const make = Effect.fnUntraced(function* ({ due, now, ring }: Options) {
  const timer = yield* FiberHandle.make()
  let armedAt = Number.POSITIVE_INFINITY

  const alarm = Effect.fnUntraced(function* (at: number) {
    yield* Effect.sleep(Math.max(0, Math.ceil(at - now())))
    if (now() - at > lateMillis) yield* Effect.sleep(catchUpMillis)
    yield* ring
  })

  const arm = Effect.suspend(() => {
    const at = due()
    if (at >= armedAt) return Effect.void
    armedAt = at
    return Effect.asVoid(FiberHandle.run(timer, Background.heard("the timer of the membership plane")(alarm(at))))
  })

  return {
    arm,
    rang: (): void => {
      armedAt = Number.POSITIVE_INFINITY
    }
  }
})
