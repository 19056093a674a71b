/** RevocationFile: the list of revoked certificates in a file (`protocol/Revocation`). Errors: as `WatchedFile`. */
import { type Duration, Effect } from "effect"
import * as Revocation from "../../../../protocol/Revocation.ts"
import type { NetworkError } from "../../../../services/NetworkError.ts"
import * as WatchedFile from "../../../core/WatchedFile.ts"
import type * as Tenure from "./Tenure.ts"

/** Reads the file at this path, and then again at each interval. `setting` names it in errors. */
export const load = (
  path: string,
  setting: string,
  every?: Duration.Input
): Effect.Effect<Pick<Tenure.Options, "revoked" | "revocations">, NetworkError> => {
  const what = "the list of revoked certificates"
  const watched = WatchedFile.load({ path, setting, what, kept: "the last one stays", parse: Revocation.parse, every })
  return Effect.map(watched, ({ first, later }) => ({ revoked: first, revocations: later }))
}
