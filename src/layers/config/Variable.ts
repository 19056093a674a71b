/**
 * Variable: a setting as the environment holds it. What is not passed as an option is read here, by Effect's `Config`.
 *
 * Errors: InvalidConfig with the variable and the expected kind of value. The value is not repeated: it may be a secret
 * put there by mistake.
 */
import { Config, type Duration, Effect, Redacted } from "effect"
import * as Secret from "../../protocol/Secret.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"
import * as Setting from "../core/Setting.ts"

export interface Variable<A> {
  readonly name: `GRINTA_${string}`
  /** Kind of value, as errors and docs/settings.md name it. */
  readonly kind: string
  /** Value of the setting where the variable is missing. */
  readonly otherwise: A
  readonly config: Config.Config<A>
}

type Name = Variable<unknown>["name"]

const make = <A, B>(
  name: Name,
  kind: string,
  read: (name: Name) => Config.Config<A>,
  otherwise: B
): Variable<A | B> => ({ name, kind, otherwise, config: Config.withDefault(read(name), otherwise) })

export const text = (name: Name, otherwise = ""): Variable<string> => make(name, "a text", Config.String, otherwise)

export const secret = (name: Name): Variable<Redacted.Redacted> =>
  make(name, "a text", Config.Redacted, Redacted.make(""))

export const whole = <B extends number | undefined>(name: Name, otherwise: B): Variable<number | B> =>
  make(name, "a whole number", Config.Int, otherwise)

export const flag = (name: Name, otherwise: boolean): Variable<boolean> =>
  make(name, "true or false", Config.Boolean, otherwise)

export const time = <B extends Duration.Input | undefined>(name: Name, otherwise: B): Variable<Duration.Input | B> =>
  make(name, "a time, such as 12 hours", Config.Duration, otherwise)

export const oneOf = <const A extends ReadonlyArray<string>>(
  name: Name,
  words: A,
  otherwise: A[number]
): Variable<A[number]> =>
  make(name, `one of ${words.join(", ")}`, (variable) => Config.Literals(words, variable), otherwise)

const listOf = (list: string): ReadonlyArray<string> =>
  list
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")

export const texts = (name: Name): Variable<ReadonlyArray<string>> =>
  make(name, "texts, with commas between", (variable) => Config.map(Config.String(variable), listOf), [])

export const secrets = (name: Name): Variable<ReadonlyArray<Redacted.Redacted>> => {
  const seal = (list: Redacted.Redacted) => listOf(Redacted.value(list)).map((item) => Redacted.make(item))
  return make(name, "texts, with commas between", (variable) => Config.map(Config.Redacted(variable), seal), [])
}

export const invalid = (setting: string, detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting, detail }) })

/** Returns the option if it is passed, else what the variable holds, else its default. */
export const ask = <A>(given: NoInfer<A> | undefined, variable: Variable<A>): Effect.Effect<A, NetworkError> =>
  Effect.mapError(given === undefined ? variable.config : Config.succeed(given), () =>
    invalid(variable.name, `what it holds is not ${variable.kind}`)
  )

/** Asks for a text that others see (members, screens, plaintext on the network), and refuses one that looks like a key. */
export const askPublic = (
  given: string | undefined,
  setting: string,
  variable: Variable<string>
): Effect.Effect<string, NetworkError> =>
  Effect.filterOrFail(
    ask(given, variable),
    (asked) => !Secret.isKey(asked),
    () => invalid(given === undefined ? variable.name : setting, "it looks like a key, and others would get to see it")
  )

const isPort = (asked: number | undefined): boolean => asked === undefined || Setting.port(asked) === undefined

export const askPort = <A extends number | undefined>(
  given: number | undefined,
  setting: string,
  variable: Variable<number | A>
): Effect.Effect<number | A, NetworkError> =>
  Effect.filterOrFail(ask<number | A>(given, variable), isPort, (asked) =>
    invalid(setting, Setting.port(Number(asked)) ?? "")
  )
