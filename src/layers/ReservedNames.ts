/**
 * Names that belong to the fabric itself: those of what its hosts offer to their operators. A program exposes and claims none of
 * them, so that no name of a program is taken for one; what other hosts have there is read, and called, as any other.
 */
import { Context, Effect } from "effect"
import { NameInvalid, NetworkError } from "../services/NetworkError.ts"

export const prefix = "grinta."

/** Whether what is exposed belongs to the fabric itself: the one way to such a name. */
export const Own = Context.Reference("grinta/layers/ReservedNames/Own", { defaultValue: () => false })

/** Errors: NameInvalid. */
export const check = (name: string): Effect.Effect<void, NetworkError> =>
  name.startsWith(prefix)
    ? Effect.flatMap(Own, (isOwn) => {
        const reason = new NameInvalid({ name, rule: `begins with "${prefix}", which is kept for hosts themselves` })
        return isOwn ? Effect.void : Effect.fail(new NetworkError({ operation: "expose", reason }))
      })
    : Effect.void
