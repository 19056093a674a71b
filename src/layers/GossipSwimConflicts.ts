/** What of other members is left out and somebody has to know: the log tells, of each reason once in a while. */
import { Effect } from "effect"
import { type Address, format } from "../protocol/Address.ts"
import type { Member } from "../protocol/swim/Member.ts"

/** Once in so long is enough. */
const pauseMillis = 60_000

export interface Conflicts {
  /** Two hosts claim one name, and one of them is not taken. `isOwn`: it is the name of this host. */
  readonly name: (existing: Member, claimed: Address, isOwn: boolean) => Effect.Effect<void>
  /** A member speaks another version of the application. */
  readonly version: (detail: string) => Effect.Effect<void>
}

/** Counts each, and logs it unless one of the same reason was logged a moment ago. `delegateVersion` is what this host speaks. */
export const make = (now: () => number, delegateVersion: number, count: (reason: string) => void): Conflicts => {
  const saidAt = new Map<string, number>()
  const say = (reason: string, sentence: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      count(reason)
      if (now() - (saidAt.get(reason) ?? Number.NEGATIVE_INFINITY) < pauseMillis) return Effect.void
      saidAt.set(reason, now())
      return Effect.logWarning(sentence)
    })
  return {
    name: ({ address, name }, claimed, isOwn) =>
      say(
        "conflict",
        isOwn
          ? `the name of this host, "${name}", is also known at ${format(claimed)}: its life before, or another process`
          : `two hosts claim the name "${name}": ${format(address)} has it, and ${format(claimed)} is not taken`
      ),
    version: (detail) =>
      say(
        "swim.incompatible",
        `member ${detail}, and this host speaks ${delegateVersion}: so it is not seen; delegateVersion sets it, 5 is that of Serf`
      )
  }
}
