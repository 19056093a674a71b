/** The one timer of the membership machine. */
import { Effect, FiberHandle } from "effect"
import * as Background from "../core/Background.ts"

/** A timer that wakes later than this says that the process was busy: what came meanwhile is read before the timer acts. */
const lateMillis = 50
const catchUpMillis = 20

export interface Options {
  readonly now: () => number
  /** When it is due. */
  readonly due: () => number
  readonly ring: Effect.Effect<unknown>
}

/** `arm` sets the timer, unless it is set to this time or an earlier one; `rang` says that its time has come and been used. */
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
