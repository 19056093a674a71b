/**
 * Reads the settings of a host: the option passed, else the variable of the environment, else the default.
 *
 * Errors: InvalidConfig with the variable and the expected kind of value. The value is not repeated: it may be a secret
 * put there by mistake.
 */
import { Config, type Duration, Effect, Redacted } from "effect"
import * as Secret from "../protocol/Secret.ts"
import { InvalidConfig, NetworkError } from "../services/NetworkError.ts"
import * as Sealed from "./core/Sealed.ts"
import * as Setting from "./core/Setting.ts"
import type { Variable } from "./GrintaVariables.ts"
import * as Files from "./transport/http2/tls/Files.ts"
import * as RevocationFile from "./transport/http2/tls/RevocationFile.ts"
import type * as Tls from "./transport/http2/tls/Tls.ts"

export const invalid = (setting: string, detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting, detail }) })

/** Kind of value that a variable may hold, and its name in an error. */
interface Kind<A> {
  readonly config: (variable: Variable) => Config.Config<A>
  readonly expected: string
}

export const text: Kind<string> = { config: Config.String, expected: "a text" }
export const whole: Kind<number> = { config: Config.Int, expected: "a whole number" }
export const flag: Kind<boolean> = { config: Config.Boolean, expected: "true or false" }
export const time: Kind<Duration.Input> = { config: Config.Duration, expected: "a time, such as 12 hours" }
const secret: Kind<Redacted.Redacted> = { config: Config.Redacted, expected: "a text" }

export const oneOf = <const A extends ReadonlyArray<string>>(...words: A): Kind<A[number]> => ({
  config: (variable) => Config.Literals(words, variable),
  expected: `one of ${words.join(", ")}`
})

export const ask = <A, B>(
  given: A | undefined,
  variable: Variable,
  { config, expected }: Kind<A>,
  otherwise: B
): Effect.Effect<A | B, NetworkError> =>
  given !== undefined
    ? Effect.succeed(given)
    : Effect.mapError(config(variable).pipe(Config.withDefault(otherwise)), () =>
        invalid(variable, `what it holds is not ${expected}`)
      )

/** Reads a text that others see (members, screens, plaintext on the network), and refuses one that looks like a key. */
export const askPublic = (given: string | undefined, setting: string, variable: Variable, otherwise: string) =>
  Effect.filterOrFail(
    ask(given, variable, text, otherwise),
    (asked) => !Secret.isKey(asked),
    () => invalid(given === undefined ? variable : setting, "it looks like a key, and others would get to see it")
  )

const isPort = (given: number | undefined): boolean => given === undefined || Setting.port(given) === undefined

export const askPort = <A extends number | undefined>(
  setting: string,
  given: number | undefined,
  variable: Variable,
  otherwise: A
): Effect.Effect<number | A, NetworkError> =>
  Effect.filterOrFail(ask(given, variable, whole, otherwise), isPort, (asked) =>
    invalid(setting, Setting.port(Number(asked)) ?? "")
  )

export const listOf = (list: string): ReadonlyArray<string> =>
  list
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")

const none = Redacted.make("")

/** Reads the keys listed in `GRINTA_KEYS`. */
export const askKeys: Effect.Effect<ReadonlyArray<Redacted.Redacted>, NetworkError> = Effect.map(
  ask(undefined, "GRINTA_KEYS", secret, none),
  (keys) => listOf(Redacted.value(keys)).map((key) => Redacted.make(key))
)

/** Variables that tune TLS. Refused where there is no TLS. */
const manners = [
  "GRINTA_TLS_REVOKED",
  "GRINTA_TLS_SESSION_AGE",
  "GRINTA_TLS_BOUND_NAMES",
  "GRINTA_TLS_VERIFY_INCOMING",
  "GRINTA_TLS_VERIFY_OUTGOING"
] as const

/** Loads the certificate, the key and the authorities named by the environment: all three, or undefined for none. */
const askMaterial = Effect.fnUntraced(function* (
  every: Duration.Input
): Effect.fn.Return<Tls.Options | undefined, NetworkError> {
  const { authorities, certificate, key } = Files.variables
  const sources = yield* Effect.all({
    certificate: ask(undefined, certificate, secret, none),
    key: ask(undefined, key, secret, none),
    authorities: ask(undefined, authorities, secret, none)
  })
  const missing = ([certificate, key, authorities] as const).filter(
    (_, i) => Redacted.value([sources.certificate, sources.key, sources.authorities][i] ?? none) === ""
  )
  const [first] = missing
  if (first === undefined) return yield* Files.load(sources, every)
  if (missing.length < 3)
    return yield* invalid(first, `TLS needs ${certificate}, ${key}, ${authorities}, and this is missing`)
  for (const variable of manners)
    if (Redacted.value(yield* ask(undefined, variable, secret, none)) !== "")
      return yield* invalid(
        variable,
        `it says how TLS is to be, and there is none: ${certificate}, ${key}, ${authorities}`
      )
  return undefined
})

/** Returns TLS as passed, with the open settings from the environment; undefined without TLS. */
export const askTls = Effect.fnUntraced(function* (
  given: Tls.Options | undefined,
  every: Duration.Input
): Effect.fn.Return<Tls.Options | undefined, NetworkError> {
  const tls = given ?? (yield* askMaterial(every))
  if (tls === undefined) return undefined
  const isListed = tls.revoked !== undefined || tls.revocations !== undefined
  const path = isListed ? "" : Redacted.value(yield* ask(undefined, "GRINTA_TLS_REVOKED", secret, none))
  const sessionAge = yield* ask(tls.sessionAge, "GRINTA_TLS_SESSION_AGE", time, undefined)
  return {
    ...tls,
    key: Sealed.seal(tls.key),
    ...(path === "" ? {} : yield* RevocationFile.load(path, "GRINTA_TLS_REVOKED", every)),
    ...(sessionAge === undefined ? {} : { sessionAge }),
    boundNames: yield* ask(tls.boundNames, "GRINTA_TLS_BOUND_NAMES", flag, false),
    verifyIncoming: yield* ask(tls.verifyIncoming, "GRINTA_TLS_VERIFY_INCOMING", flag, true),
    verifyOutgoing: yield* ask(tls.verifyOutgoing, "GRINTA_TLS_VERIFY_OUTGOING", flag, true)
  }
})
