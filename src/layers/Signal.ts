/**
 * Fibers waiting for something to change. A waiter looks again after each `notify`: being woken promises nothing.
 *
 * `notify` resumes the waiters in the order in which they came, in the caller's own turn of the event loop.
 */
import { Effect } from "effect"

export interface Signal {
  readonly wait: Effect.Effect<void>
  readonly notify: () => void
}

export const make = (): Signal => {
  let waiters: Array<() => void> = []
  return {
    wait: Effect.callback<void>((resume) => {
      const waiter = () => resume(Effect.void)
      waiters.push(waiter)
      return Effect.sync(() => {
        waiters = waiters.filter((other) => other !== waiter)
      })
    }),
    notify: () => {
      if (waiters.length === 0) return
      const woken = waiters
      waiters = []
      for (const waiter of woken) waiter()
    }
  }
}
