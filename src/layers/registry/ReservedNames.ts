/**
 * Names that belong to the fabric itself: those of what its hosts offer to their operators. A program exposes and claims none of
 * them, so that no name of a program is taken for one; what other hosts have there is read, and called, as any other.
 */
import { Context, Effect } from "effect"
import * as Name from "../../protocol/Name.ts"
import { NameInvalid, NetworkError } from "../../services/NetworkError.ts"

/** Whether what is exposed belongs to the fabric itself: the one way to such a name. */
export const Own = Context.Reference("grinta/layers/ReservedNames/Own", { defaultValue: () => false })

/** Errors: NameInvalid. */
export const check = (name: string): Effect.Effect<void, NetworkError> =>
  Name.isOfHosts(name)
    ? Effect.flatMap(Own, (isOwn) => {
        const reason = new NameInvalid({
          name,
          rule: `begins with "${Name.hostsPrefix}", which is kept for hosts themselves`
        })
        return isOwn ? Effect.void : Effect.fail(new NetworkError({ operation: "expose", reason }))
      })
    : Effect.void
