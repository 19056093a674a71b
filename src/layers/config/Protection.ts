/** Protection: encryption of gossip and TLS of flows. Plaintext beyond this machine is refused unless it is permitted. */
import { Effect } from "effect"
import * as Secret from "../../protocol/Secret.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Exposure from "../core/Exposure.ts"
import * as Setting from "../core/Setting.ts"
import type * as GossipKeys from "../gossip/Keys.ts"
import type * as Tls from "../transport/http2/tls/Tls.ts"
import * as Certificates from "./Certificates.ts"
import * as Keys from "./Keys.ts"
import type { Options } from "./Options.ts"
import { ask, invalid } from "./Variable.ts"
import { variables } from "./Variables.ts"

/** Checks that plaintext stays on this machine, unless `insecure`. Errors: InvalidConfig. */
const checkPlaintext = (
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

/** Reads the protection of a host that listens at this address. */
export const read = Effect.fnUntraced(function* (host: string, options: Options) {
  const insecure = yield* ask(options.insecure, variables.insecure)
  const every = yield* ask(options.filesInterval, variables.filesInterval)
  yield* Setting.check("listen", { filesInterval: Setting.span(every) })
  const encryption = yield* Keys.read(options, every)
  const tls = yield* Certificates.read(options.tls, every)
  const missing = [
    ...(encryption.keys.length > 0 ? [] : (["keys"] as const)),
    ...(tls === undefined ? (["tls"] as const) : [])
  ]
  yield* Exposure.check(host, missing, insecure)
  yield* checkPlaintext(host, encryption, tls, insecure)
  return { encryption, tls }
})
