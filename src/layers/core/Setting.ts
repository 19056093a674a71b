/** Rules for settings. Each rule returns a complaint that quotes the value, or undefined when the value can work. */
import { Duration, Effect, Option } from "effect"
import { plain } from "../../protocol/Secret.ts"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"

/** Longest delay of a timer, in milliseconds: 24 days. */
const timeMillisMax = 2 ** 31 - 1

/** Formats a value for a complaint. A program in JavaScript may pass any type. */
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

/** Returns a complaint unless `given` is a time from 0 to 24 days. */
export const time = (given: Duration.Input): string | undefined => {
  const millis = millisOf(given)
  return millis >= 0 && millis <= timeMillisMax ? undefined : `${said(given)} is no bounded time, up to 24 days`
}

/** Returns a complaint unless `given` is a time above 0, up to 24 days. */
export const span = (given: Duration.Input): string | undefined =>
  millisOf(given) === 0 ? `${said(given)} is no time above 0` : time(given)

/** Fails with InvalidConfig for the first setting with a complaint. */
export const check = (
  operation: NetworkError["operation"],
  settings: Readonly<Record<string, string | undefined>>
): Effect.Effect<void, NetworkError> => {
  for (const [setting, detail] of Object.entries(settings))
    if (detail !== undefined)
      return Effect.fail(new NetworkError({ operation, reason: new InvalidConfig({ setting, detail }) }))
  return Effect.void
}
