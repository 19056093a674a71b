/** Encryption of a host: reads the keys of gossip, and refuses plaintext beyond this machine unless it is permitted. */
import { type Duration, Effect } from "effect"
import * as Secret from "../protocol/Secret.ts"
import type { NetworkError } from "../services/NetworkError.ts"
import * as Exposure from "./core/Exposure.ts"
import * as Sealed from "./core/Sealed.ts"
import { ask, askKeys as askListed, invalid, text } from "./GrintaAsk.ts"
import type * as GossipKeys from "./gossip/Keys.ts"
import * as KeysFile from "./gossip/KeysFile.ts"
import type * as Tls from "./transport/http2/tls/Tls.ts"

export interface Options {
  readonly keys?: ReadonlyArray<Sealed.Secret>
  readonly keysFile?: string
}

interface Encryption extends GossipKeys.Options {
  readonly keys: ReadonlyArray<Sealed.Secret>
}

/** Reads the keys as passed, in a list or a file, else from the environment. Refuses a list and a file together. */
export const askKeys = Effect.fnUntraced(function* (
  { keys, keysFile }: Options,
  every: Duration.Input
): Effect.fn.Return<Encryption, NetworkError> {
  const isPassed = keys !== undefined || keysFile !== undefined
  const path = isPassed ? (keysFile ?? "") : yield* ask(undefined, "GRINTA_KEYS_FILE", text, "")
  const listed = isPassed ? (keys ?? []).map(Sealed.seal) : yield* askListed
  if (path === "") return { keys: listed }
  const setting = keysFile === undefined ? "GRINTA_KEYS_FILE" : "keysFile"
  if (listed.length > 0) return yield* invalid(setting, "there are keys, and a file of keys: give one of them")
  return yield* KeysFile.load(path, setting, every)
})

/** Checks that plaintext stays on this machine, unless `insecure`. Errors: InvalidConfig. */
export const checkOpenness = (
  host: string,
  encryption: GossipKeys.Options,
  tls: Tls.Options | undefined,
  insecure: boolean
): Effect.Effect<void, NetworkError> => {
  const open = [
    ...(encryption.verifyIncoming === false ? ["gossip"] : []),
    ...(tls?.verifyIncoming === false ? ["flows"] : [])
  ]
  if (insecure || open.length === 0 || Exposure.isLocal(host)) return Effect.void
  const detail = `${Secret.plain(host)} is reached from other machines, and plaintext is taken for ${open.join(" and ")} (verifyIncoming); say insecure: true, or listen on 127.0.0.1`
  return Effect.fail(invalid("host", detail))
}
