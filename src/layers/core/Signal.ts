/**
 * Signal: fibers that wait for a condition on state that others change.
 *
 * The condition is checked when the wait begins and at each `notify`, in the turn in which the waiter was registered,
 * so no change can fall between check and wait. `notify` resumes waiters whose condition holds, in order of arrival.
 */
import { Effect } from "effect"

/** Linked list of waiters: a long-lived `Set` of short-lived waiters puts table after table into the old generation. */
export interface Signal {
  first: Waiter | undefined
  last: Waiter | undefined
}

interface Waiter {
  readonly holds: () => boolean
  readonly resume: (effect: Effect.Effect<void>) => void
  isGone: boolean
  next: Waiter | undefined
}

export const make = (): Signal => ({ first: undefined, last: undefined })

const add = (signal: Signal, waiter: Waiter): void => {
  if (signal.last === undefined) signal.first = waiter
  else signal.last.next = waiter
  signal.last = waiter
}

const remove = (signal: Signal, waiter: Waiter): void => {
  if (waiter.isGone) return
  waiter.isGone = true
  let before: Waiter | undefined
  for (let at = signal.first; at !== undefined && at !== waiter; at = at.next) before = at
  if (before === undefined) signal.first = waiter.next
  else before.next = waiter.next
  if (signal.last === waiter) signal.last = before
}

export const until = (signal: Signal, holds: () => boolean): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (holds()) return resume(Effect.void)
    const waiter: Waiter = { holds, resume, isGone: false, next: undefined }
    add(signal, waiter)
    return Effect.sync(() => remove(signal, waiter))
  })

/** Most fibers resumed within each other: a longer chain would use up the stack. */
const depthMax = 32
let depth = 0

const resume = (waiter: Waiter): void => {
  if (depth === depthMax) return queueMicrotask(() => resumeAnew(waiter))
  depth += 1
  waiter.resume(Effect.void)
  depth -= 1
}

/** Resumes in a microtask, which begins with an empty stack, so the depth counts from 0. */
const resumeAnew = (waiter: Waiter): void => {
  depth = 0
  resume(waiter)
}

export const notify = (signal: Signal): void => {
  // A fiber that waits again meanwhile is appended, with a condition that does not hold.
  for (let waiter = signal.first; waiter !== undefined; waiter = waiter.next) {
    if (waiter.isGone || !waiter.holds()) continue
    remove(signal, waiter)
    resume(waiter)
  }
}
