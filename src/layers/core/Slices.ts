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

/** The same items in order, about as many in each part and no more than `most`; one empty part of none. */
export const parts = <A>(items: ReadonlyArray<A>, most: number): ReadonlyArray<ReadonlyArray<A>> => {
  if (items.length <= most) return [items]
  const count = Math.ceil(items.length / most)
  const size = Math.ceil(items.length / count)
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size))
}
