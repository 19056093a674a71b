/**
 * Certificates and a key in files, as whatever issues them leaves them there, and renews them.
 *
 * Errors: InvalidConfig when a file cannot be read at first. Later nothing is renewed until all of them can be.
 */
import { readFile } from "node:fs/promises"
import { type Duration, Effect, Option, Schedule, Stream } from "effect"
import type { NetworkError } from "../services/NetworkError.ts"
import { invalid, type Material, type Options } from "./Tls.ts"

/** How often the files are looked at. */
const interval: Duration.Input = "1 minute"

const read = (path: string): Effect.Effect<string, NetworkError> =>
  Effect.tryPromise({
    try: () => readFile(path, "utf8"),
    catch: (cause) => invalid(String(cause))
  })

const isSame = (a: Material, b: Material): boolean =>
  a.certificate === b.certificate && a.key === b.key && a.authorities === b.authorities

/** Reads the files at these paths, and again and again. */
export const load = (paths: Material, every: Duration.Input = interval): Effect.Effect<Options, NetworkError> => {
  const material = Effect.all({
    certificate: read(paths.certificate),
    key: read(paths.key),
    authorities: read(paths.authorities)
  })
  const later = Stream.fromEffectSchedule(Effect.option(material), Schedule.spaced(every)).pipe(
    Stream.flatMap(Option.match({ onNone: () => Stream.empty, onSome: Stream.succeed }))
  )
  const renewals = (first: Material) =>
    Stream.concat(Stream.succeed(first), later).pipe(Stream.changesWith(isSame), Stream.drop(1))
  return Effect.map(material, (first) => ({ ...first, renewals: renewals(first) }))
}
