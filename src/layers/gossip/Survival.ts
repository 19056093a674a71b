/**
 * Survival: a failed step of the membership plane is a bug that one packet may have caused. The step is left out, as a
 * packet may be lost, and the machine goes on from its present state.
 */
import { Cause, Effect } from "effect"

/** Pause between two failures in the log. */
const pauseMillis = 60_000

/** Returns a function that counts each failure, and logs it unless one was logged lately. */
export const make = (now: () => number, count: (reason: string) => void) => {
  let loggedAt = Number.NEGATIVE_INFINITY
  return (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.void
      count("machine.defect")
      if (now() - loggedAt < pauseMillis) return Effect.void
      loggedAt = now()
      return Effect.logError("a step of the membership plane failed, and is left out", cause)
    })
}
