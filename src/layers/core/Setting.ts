/**
 * What a setting may be. Each rule gives what is wrong with a value, in words that name it, and nothing when it can work.
 */
import { Duration, Effect, Option } from "effect"
import { plain } from "../../protocol/Secret.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"

/** The longest timer there is, in milliseconds: 24 days. */
const timeMillisMax = 2 ** 31 - 1

/** What was given, though it is typed otherwise in a program in JavaScript. */
const said = (given: unknown): string => plain(String(given))

export const count = (given: number, atLeast: number, atMost: number = Number.MAX_SAFE_INTEGER): string | undefined => {
  if (Number.isSafeInteger(given) && given >= atLeast && given <= atMost) return undefined
  return `${said(given)} is no whole number from ${atLeast}${atMost === Number.MAX_SAFE_INTEGER ? "" : ` to ${atMost}`}`
}

export const port = (given: number): string | undefined =>
  count(given, 0, 65_535) && `${said(given)} is no port; a port is a whole number from 0 to 65535`

const millisOf = (given: Duration.Input): number =>
  Number.isNaN(given)
    ? Number.NaN
    : Option.getOrElse(Option.map(Duration.fromInput(given), Duration.toMillis), () => NaN)

/** A time that ends, perhaps at once. */
export const time = (given: Duration.Input): string | undefined => {
  const millis = millisOf(given)
  return millis >= 0 && millis <= timeMillisMax ? undefined : `${said(given)} is no bounded time, up to 24 days`
}

/** A time that ends, in which something may happen. */
export const span = (given: Duration.Input): string | undefined =>
  millisOf(given) === 0 ? `${said(given)} is no time above 0` : time(given)

/** Fails for the first setting that cannot work. */
export const check = (
  operation: NetworkError["operation"],
  settings: Readonly<Record<string, string | undefined>>
): Effect.Effect<void, NetworkError> => {
  for (const [setting, detail] of Object.entries(settings))
    if (detail !== undefined)
      return Effect.fail(new NetworkError({ operation, reason: new InvalidConfig({ setting, detail }) }))
  return Effect.void
}
