/**
 * What fails in the membership plane is a bug, of which one packet may be the cause: it is dropped, as a packet may be, and
 * the machine goes on from what it knows.
 */
import { Cause, Effect } from "effect"

/** Once in so long is enough. */
const pauseMillis = 60_000

/** A function that counts each failure, and logs it unless one was logged a moment ago. */
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
