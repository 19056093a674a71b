/**
 * The list of revoked certificates in a file, as an operator leaves it there, and changes it.
 *
 * Errors: InvalidConfig when it cannot be used at first. Later what cannot is logged, once, and the last good list stays.
 */
import { readFile } from "node:fs/promises"
import { type Duration, Effect, Result, Schedule, Stream } from "effect"
import * as Revocation from "../protocol/Revocation.ts"
import { InvalidConfig, NetworkError } from "../services/NetworkError.ts"
import type * as TlsTenure from "./TlsTenure.ts"

/** How often the file is looked at. */
const interval: Duration.Input = "1 minute"

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : "it cannot be read"

/** A list, or why there is none. */
type Read = Result.Result<Revocation.Revocation, string>

const read = (path: string): Effect.Effect<Read> =>
  Effect.promise(() => readFile(path, "utf8").then(Revocation.parse, (cause) => Result.fail(codeOf(cause))))

const isSame = (a: Read, b: Read): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Reads the file at this path, and again and again. `setting` is what an error calls it. */
export const load = Effect.fnUntraced(function* (
  path: string,
  setting: string,
  every: Duration.Input = interval
): Effect.fn.Return<Pick<TlsTenure.Options, "revoked" | "revocations">, NetworkError> {
  const first = yield* read(path)
  if (Result.isFailure(first)) {
    const reason = new InvalidConfig({ setting, detail: `the list of revoked certificates: ${first.failure}` })
    return yield* Effect.fail(new NetworkError({ operation: "listen", reason }))
  }
  const warn = (why: string) =>
    Effect.logWarning(`${setting}: the list of revoked certificates is not used, and the last one stays: ${why}`)
  const later = Stream.fromEffectSchedule(read(path), Schedule.spaced(every))
  /** The last good list, which a bad one leaves in place. */
  let last = first
  const revocations = Stream.concat(Stream.succeed<Read>(first), later).pipe(
    Stream.changesWith(isSame),
    Stream.mapEffect((next) => {
      if (Result.isFailure(next)) return Effect.as(warn(next.failure), [])
      const isNew = !isSame(next, last)
      last = next
      return Effect.succeed(isNew ? [next.success] : [])
    }),
    Stream.flatMap(Stream.fromIterable)
  )
  return { revoked: first.success, revocations }
})
