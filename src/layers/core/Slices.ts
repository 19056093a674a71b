/** Slices: divides long work, so that other fibers of this process run in between. */
import { Effect } from "effect"

/** Longest slice of work, in milliseconds. */
export const sliceMillis = 5

/** Returns an effect that yields after a long slice. For one fiber, which runs it after each piece of work. */
export const make = (now: () => number): Effect.Effect<void> => {
  let beganAt = now()
  const begin = Effect.sync(() => {
    beganAt = now()
  })
  const yielded = Effect.andThen(Effect.yieldNow, begin)
  return Effect.suspend(() => (now() - beganAt < sliceMillis ? Effect.void : yielded))
}

/** Splits items, in order, into parts of about equal size, `most` items at most. No items give one empty part. */
export const parts = <A>(items: ReadonlyArray<A>, most: number): ReadonlyArray<ReadonlyArray<A>> => {
  if (items.length <= most) return [items]
  const count = Math.ceil(items.length / most)
  const size = Math.ceil(items.length / count)
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size))
}
