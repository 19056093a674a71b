/**
 * Files: reads certificates and a key from files, as their issuer leaves and renews them. PEM in place of a path, as in
 * a variable of the environment, is taken as it is.
 *
 * Errors: InvalidConfig when a file cannot be read at first; later that is logged, and nothing is renewed until all of
 * them can be. Both have the variable and the code of the system alone: the text given for a path may be a key.
 */
import { readFile } from "node:fs/promises"
import { Clock, Duration, Effect, Equal, Option, Schedule, Stream } from "effect"
import * as Pem from "../../../../protocol/Pem.ts"
import * as Told from "../../../../protocol/Told.ts"
import { InvalidConfig, NetworkError } from "../../../../services/NetworkError.ts"
import * as Sealed from "../../../core/Sealed.ts"
import type { Material, Options } from "./Tls.ts"

/** Interval between reads of the files. */
const interval: Duration.Input = "1 minute"

/** Time in which the log does not repeat that a file cannot be read. */
const pauseMillis = Duration.toMillis("1 hour")

export const variables = {
  certificate: "GRINTA_TLS_CERTIFICATE",
  key: "GRINTA_TLS_KEY",
  authorities: "GRINTA_TLS_AUTHORITIES"
} as const

/** The path of a file, or PEM, for each part. */
export type Sources = Readonly<Record<keyof typeof variables, Sealed.Secret>>

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "unknown")

const read = (sources: Sources, part: keyof typeof variables): Effect.Effect<string, InvalidConfig> => {
  const given = Sealed.open(sources[part])
  if (Pem.isPem(given)) return Effect.succeed(Pem.unescaped(given))
  return Effect.tryPromise({
    try: () => readFile(given, "utf8"),
    catch: (cause) =>
      new InvalidConfig({ setting: variables[part], detail: `the file cannot be read: ${codeOf(cause)}` })
  })
}

const isSame = (a: Material, b: Material): boolean =>
  a.certificate === b.certificate && Equal.equals(a.key, b.key) && a.authorities === b.authorities

/** Reads the files, and then again at each interval. Errors: InvalidConfig for a file that cannot be read at first. */
export const load = Effect.fnUntraced(function* (
  sources: Sources,
  every: Duration.Input = interval
): Effect.fn.Return<Options, NetworkError> {
  const told = Told.make(pauseMillis)
  const material = Effect.all({
    certificate: read(sources, "certificate"),
    key: Effect.map(read(sources, "key"), Sealed.seal),
    authorities: read(sources, "authorities")
  })
  const missed = ({ message }: InvalidConfig) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Told.isDue(told, message, now)
        ? Effect.logWarning(`a renewal is not to be had, and what there is stays: ${message}`)
        : Effect.void
    )
  const later = Stream.fromEffectSchedule(
    Effect.option(Effect.tapError(material, missed)),
    Schedule.spaced(every)
  ).pipe(Stream.flatMap(Option.match({ onNone: () => Stream.empty, onSome: Stream.succeed })))
  const first = yield* Effect.mapError(material, (reason) => new NetworkError({ operation: "listen", reason }))
  return {
    ...first,
    renewals: Stream.concat(Stream.succeed(first), later).pipe(Stream.changesWith(isSame), Stream.drop(1))
  }
})
