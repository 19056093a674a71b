/** Certificates: TLS of a host, as passed or in files, and how it is used. */
import { type Duration, Effect, Redacted } from "effect"
import type { NetworkError } from "../../services/NetworkError.ts"
import * as Sealed from "../core/Sealed.ts"
import * as Files from "../transport/http2/tls/Files.ts"
import * as RevocationFile from "../transport/http2/tls/RevocationFile.ts"
import type * as Tls from "../transport/http2/tls/Tls.ts"
import { ask, invalid, secret } from "./Variable.ts"
import { variables } from "./Variables.ts"

/** Variables that tune TLS. Refused where there is no TLS. */
const manners = [
  variables["tls.revoked"],
  variables["tls.sessionAge"],
  variables["tls.boundNames"],
  variables["tls.verifyIncoming"],
  variables["tls.verifyOutgoing"]
] as const

/** Loads the certificate, the key and the authorities named by the environment: all three, or undefined for none. */
const readMaterial = Effect.fnUntraced(function* (
  every: Duration.Input
): Effect.fn.Return<Tls.Options | undefined, NetworkError> {
  const sources = {
    certificate: yield* ask(undefined, variables["tls.certificate"]),
    key: yield* ask(undefined, variables["tls.key"]),
    authorities: yield* ask(undefined, variables["tls.authorities"])
  }
  const { authorities, certificate, key } = Files.variables
  const missing = (["certificate", "key", "authorities"] as const).filter(
    (part) => Redacted.value(sources[part]) === ""
  )
  const [first] = missing
  if (first === undefined) return yield* Files.load(sources, every)
  if (missing.length < 3)
    return yield* invalid(
      Files.variables[first],
      `TLS needs ${certificate}, ${key}, ${authorities}, and this is missing`
    )
  for (const { name } of manners)
    if (Redacted.value(yield* ask(undefined, secret(name))) !== "")
      return yield* invalid(name, `it says how TLS is to be, and there is none: ${certificate}, ${key}, ${authorities}`)
  return undefined
})

/**
 * Returns TLS as passed, or with the certificates of the environment, and with the open settings of the environment;
 * undefined without TLS. Files are read again at each interval `every`.
 */
export const read = Effect.fnUntraced(function* (
  given: Tls.Options | undefined,
  every: Duration.Input
): Effect.fn.Return<Tls.Options | undefined, NetworkError> {
  const tls = given ?? (yield* readMaterial(every))
  if (tls === undefined) return undefined
  const isListed = tls.revoked !== undefined || tls.revocations !== undefined
  const { name } = variables["tls.revoked"]
  const path = isListed ? "" : Redacted.value(yield* ask(undefined, variables["tls.revoked"]))
  const sessionAge = yield* ask(tls.sessionAge, variables["tls.sessionAge"])
  return {
    ...tls,
    key: Sealed.seal(tls.key),
    ...(path === "" ? {} : yield* RevocationFile.load(path, name, every)),
    ...(sessionAge === undefined ? {} : { sessionAge }),
    boundNames: yield* ask(tls.boundNames, variables["tls.boundNames"]),
    verifyIncoming: yield* ask(tls.verifyIncoming, variables["tls.verifyIncoming"]),
    verifyOutgoing: yield* ask(tls.verifyOutgoing, variables["tls.verifyOutgoing"])
  }
})
