/**
 * Fibers waiting for a condition on state that somebody else changes.
 *
 * The condition is checked when the wait begins and at each `notify`, in the same turn in which it was registered, so no
 * change can fall between check and wait. `notify` resumes those whose condition holds, in the order in which they came.
 */
import { Effect } from "effect"

export interface Signal {
  /** Made for the first who waits and dropped with the last: most signals of an idle flow have nobody. */
  waiters: Set<Waiter> | undefined
}

interface Waiter {
  readonly holds: () => boolean
  readonly resume: (effect: Effect.Effect<void>) => void
}

export const make = (): Signal => ({ waiters: undefined })

export const until = (signal: Signal, holds: () => boolean): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (holds()) return resume(Effect.void)
    const waiter: Waiter = { holds, resume }
    signal.waiters ??= new Set()
    signal.waiters.add(waiter)
    return Effect.sync(() => remove(signal, waiter))
  })

const remove = (signal: Signal, waiter: Waiter): void => {
  signal.waiters?.delete(waiter)
  if (signal.waiters?.size === 0) signal.waiters = undefined
}

export const notify = (signal: Signal): void => {
  const { waiters } = signal
  if (waiters === undefined) return
  // Whoever waits again meanwhile comes last, with a condition that does not hold.
  for (const waiter of waiters) {
    if (!waiter.holds()) continue
    remove(signal, waiter)
    waiter.resume(Effect.void)
  }
}
