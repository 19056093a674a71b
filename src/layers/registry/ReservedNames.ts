/**
 * ReservedNames: names of the fabric itself, under which hosts serve their operators. A program can expose and claim
 * none, so that no name of a program is taken for one. Other hosts' reserved names are read and called like any name.
 */
import { Context, Effect } from "effect"
import * as Name from "../../protocol/Name.ts"
import { NameInvalid, NetworkError } from "../../services/NetworkError.ts"

/** Whether an exposure belongs to the fabric itself: the only way to a reserved name. */
export const Own = Context.Reference("grinta/layers/ReservedNames/Own", { defaultValue: () => false })

/** Refuses a reserved name, unless `Own`. Errors: NameInvalid. */
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
