/**
 * WatchedFile: a file that an operator may change while the host runs, read again at an interval.
 *
 * Errors: InvalidConfig when the file is unusable at first. Later an unusable file is logged, once, and the last good
 * value stays. Neither its content nor its path is repeated: either may be a secret put into the wrong place.
 */
import { readFile } from "node:fs/promises"
import { type Duration, Effect, Equal, Result, Schedule, Stream } from "effect"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"

/** Interval between two reads, by default. */
const interval: Duration.Input = "1 minute"

export interface Options<A> {
  readonly path: string
  /** Name of the setting in an error, such as a variable of the environment. */
  readonly setting: string
  /** Description of the file for people, and of the value that stays in use while the file is unusable. */
  readonly what: string
  readonly kept: string
  readonly parse: (text: string) => Result.Result<A, string>
  readonly every?: Duration.Input | undefined
}

export interface Watched<A> {
  readonly first: A
  /** Values that replace the first one, each different from the one before. */
  readonly later: Stream.Stream<A>
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? `it cannot be read: ${String(cause.code)}` : "it cannot be read"

export const load = Effect.fnUntraced(function* <A>(options: Options<A>): Effect.fn.Return<Watched<A>, NetworkError> {
  const { every = interval, kept, parse, path, setting, what } = options
  const read: Effect.Effect<Result.Result<A, string>> = Effect.promise(() =>
    readFile(path, "utf8").then(parse, (cause) => Result.fail(codeOf(cause)))
  )
  const first = yield* read
  if (Result.isFailure(first)) {
    const reason = new InvalidConfig({ setting, detail: `${what}: ${first.failure}` })
    return yield* new NetworkError({ operation: "listen", reason })
  }
  const warn = (why: string) => Effect.logWarning(`${setting}: ${what} is not used, and ${kept}: ${why}`)
  /** Last usable value, which an unusable file leaves in place. */
  let last = first
  const looks = Stream.fromEffectSchedule(read, Schedule.spaced(every))
  const later = Stream.concat(Stream.succeed<Result.Result<A, string>>(first), looks).pipe(
    Stream.changesWith<Result.Result<A, string>>(Equal.equals),
    Stream.mapEffect((next) => {
      if (Result.isFailure(next)) return Effect.as(warn(next.failure), [])
      const isNew = !Equal.equals(next, last)
      last = next
      return Effect.succeed(isNew ? [next.success] : [])
    }),
    Stream.flatMap(Stream.fromIterable)
  )
  return { first: first.success, later }
})
