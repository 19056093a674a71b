/** Keys: keys of gossip, in a list or in a file. */
import { type Duration, Effect } from "effect"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Sealed from "../core/Sealed.ts"
import type * as GossipKeys from "../gossip/Keys.ts"
import * as KeysFile from "../gossip/KeysFile.ts"
import type { Options } from "./Options.ts"
import { ask, invalid } from "./Variable.ts"
import { variables } from "./Variables.ts"

export interface Encryption extends GossipKeys.Options {
  readonly keys: ReadonlyArray<Sealed.Secret>
}

/**
 * Reads the keys as passed, in a list or a file, else from the environment; the file again at each interval `every`.
 * Errors: InvalidConfig for a list and a file together, and for a file without keys.
 */
export const read = Effect.fnUntraced(function* (
  { keys, keysFile }: Pick<Options, "keys" | "keysFile">,
  every: Duration.Input
): Effect.fn.Return<Encryption, NetworkError> {
  const isPassed = keys !== undefined || keysFile !== undefined
  const path = isPassed ? (keysFile ?? "") : yield* ask(undefined, variables.keysFile)
  const listed = isPassed ? (keys ?? []).map(Sealed.seal) : yield* ask(undefined, variables.keys)
  if (path === "") return { keys: listed }
  const setting = keysFile === undefined ? variables.keysFile.name : "keysFile"
  if (listed.length > 0) return yield* invalid(setting, "there are keys, and a file of keys: give one of them")
  return yield* KeysFile.load(path, setting, every)
})
