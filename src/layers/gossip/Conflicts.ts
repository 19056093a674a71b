/** What of other members is left out and somebody has to know: the log tells, of each reason once in a while. */
import { Effect } from "effect"
import { type Address, format } from "../../protocol/Address.ts"
import * as Foreign from "../../protocol/Foreign.ts"
import type { Member } from "../../protocol/swim/Member.ts"
import * as Told from "../../protocol/Told.ts"

/** Each is told once in so long, and so many of them. */
const pauseMillis = 60_000
const toldMax = 4

export interface Conflicts {
  /** Two hosts claim one name, and one of them is not taken. `isOwn`: it is the name of this host. */
  readonly name: (existing: Member, claimed: Address, isOwn: boolean) => Effect.Effect<void>
  /** A member speaks another version of the application. */
  readonly version: (detail: string) => Effect.Effect<void>
}

/** Counts each, and logs it unless the same was logged a moment ago. `delegateVersion` is what this host speaks. */
export const make = (now: () => number, delegateVersion: number, count: (reason: string) => void): Conflicts => {
  // What is said of this host itself must not go under among what is said of the others.
  const own = Told.make(pauseMillis, 1)
  const others = Told.make(pauseMillis, toldMax)
  const versions = Told.make(pauseMillis, toldMax)
  const say = (reason: string, lately: Told.Told, about: string, sentence: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      count(reason)
      return Told.isDue(lately, about, now()) ? Effect.logWarning(sentence) : Effect.void
    })
  return {
    name: ({ address, name }, claimed, isOwn) =>
      isOwn
        ? say(
            "conflict",
            own,
            name,
            `the name of this host, "${name}", is also known at ${format(claimed)}: its life before, or another process`
          )
        : say(
            "conflict",
            others,
            name,
            `two hosts claim the name ${Foreign.quoted(name)}: ${format(address)} has it, and ${format(claimed)} is not taken: name (GRINTA_NAME) there`
          ),
    version: (detail) =>
      say(
        "swim.incompatible",
        versions,
        detail,
        `member ${Foreign.text(detail)}, and this host speaks ${delegateVersion}: so it is not seen; delegateVersion (GRINTA_DELEGATE_VERSION) sets it, 5 is that of Serf`
      )
  }
}
