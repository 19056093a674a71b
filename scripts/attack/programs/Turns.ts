/**
 * The longest turn of this process's event loop, in the processor time of its own thread: what others do with the processor
 * meanwhile does not count.
 *
 * A timer that is due in every turn takes the time between two of its calls, so a turn is never missed; short turns that fit
 * into one interval count as one.
 */
import { turnMillisMax } from "../Orders.ts"

const intervalMillis = 2

export interface Turns {
  readonly mark: () => void
  readonly seen: () => { readonly turnMillis: number; readonly turnsLong: number }
}

export const watch = (): Turns => {
  let longest = 0
  let long = 0
  const now = (): number => {
    const { system, user } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let last = now()
  setInterval(() => {
    const at = now()
    longest = Math.max(longest, at - last)
    if (at - last > turnMillisMax) long += 1
    last = at
  }, intervalMillis).unref()
  return {
    mark: () => {
      longest = 0
      long = 0
      last = now()
    },
    seen: () => ({ turnMillis: longest, turnsLong: long })
  }
}
