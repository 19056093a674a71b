/** KeysFile: keys of the membership plane in a file (`protocol/memberlist/KeysText`). Errors: as `WatchedFile`. */
import { type Duration, Effect, type Redacted, Result } from "effect"
import * as KeysText from "../../protocol/memberlist/KeysText.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Sealed from "../core/Sealed.ts"
import * as WatchedFile from "../core/WatchedFile.ts"
import type * as GossipKeys from "./Keys.ts"

interface Keys extends Omit<KeysText.Keys, "keys"> {
  readonly keys: ReadonlyArray<Redacted.Redacted>
}

const sealed = ({ keys, ...verify }: KeysText.Keys): Keys => ({ ...verify, keys: keys.map(Sealed.seal) })

const parse = (text: string): Result.Result<Keys, string> => Result.map(KeysText.parse(text), sealed)

/** Reads the file at this path, and again and again. `setting`: its name in an error. */
export const load = (
  path: string,
  setting: string,
  every?: Duration.Input
): Effect.Effect<GossipKeys.Options & Keys, NetworkError> => {
  const watched = WatchedFile.load({
    ...{ path, setting, parse, every },
    what: "the file of keys",
    kept: "the last good keys stay"
  })
  return Effect.map(watched, ({ first, later }) => ({ ...first, renewals: later }))
}
