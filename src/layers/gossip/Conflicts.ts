/** Conflicts: logs and counts members that are left out for a reason that people have to know, each once in a while. */
import { Effect } from "effect"
import { type Address, format } from "../../protocol/Address.ts"
import * as Foreign from "../../protocol/Foreign.ts"
import type { Member } from "../../protocol/swim/Member.ts"
import * as Told from "../../protocol/Told.ts"

/** Pause before the same conflict is logged again, and most conflicts logged in that time. */
const pauseMillis = 60_000
const toldMax = 4

export interface Conflicts {
  /** Two hosts claim one name, and the second is not taken. `isOwn`: the name is this host's. */
  readonly name: (existing: Member, claimed: Address, isOwn: boolean) => Effect.Effect<void>
  /** A member speaks another version of the application. */
  readonly version: (detail: string) => Effect.Effect<void>
}

/** Counts each conflict, and logs it unless logged lately. `delegateVersion`: the version that this host speaks. */
export const make = (now: () => number, delegateVersion: number, count: (reason: string) => void): Conflicts => {
  // Conflicts about this host have a bound of their own, so that conflicts of others do not crowd them out.
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
