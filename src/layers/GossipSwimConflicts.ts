/** Two hosts that claim one name: the second never gets in, and it is the log that tells. */
import { Effect } from "effect"
import { type Address, format } from "../protocol/Address.ts"

/** Once in so long is enough. */
const pauseMillis = 60_000

/** A function that counts each conflict, and logs it unless one was logged a moment ago. */
export const make = (now: () => number, count: (reason: string) => void) => {
  let loggedAt = Number.NEGATIVE_INFINITY
  return (name: string, existing: Address, claimed: Address): Effect.Effect<void> =>
    Effect.suspend(() => {
      count("conflict")
      if (now() - loggedAt < pauseMillis) return Effect.void
      loggedAt = now()
      return Effect.logWarning(
        `two hosts claim the name "${name}": ${format(existing)} has it, and ${format(claimed)} is ignored`
      )
    })
}
