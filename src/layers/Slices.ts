/** Long work in slices, so that the others of this process run between. */
import { Effect } from "effect"

/** How long one slice of work may take. */
export const sliceMillis = 5

/** Lets others run when this slice has taken long enough; for one fiber, which calls it after each piece of its work. */
export const make = (now: () => number): Effect.Effect<void> => {
  let beganAt = now()
  const begin = Effect.sync(() => {
    beganAt = now()
  })
  const yielded = Effect.andThen(Effect.yieldNow, begin)
  return Effect.suspend(() => (now() - beganAt < sliceMillis ? Effect.void : yielded))
}
