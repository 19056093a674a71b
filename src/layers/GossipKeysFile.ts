/**
 * The keys of the membership plane in a file, as an operator leaves it there, and changes it (`protocol/memberlist/KeysText`).
 *
 * Errors: InvalidConfig when it cannot be used at first. Later what cannot is logged, once, and the last good keys stay.
 */
import { readFile } from "node:fs/promises"
import { type Duration, Effect, Equal, type Redacted, Result, Schedule, Stream } from "effect"
import * as KeysText from "../protocol/memberlist/KeysText.ts"
import { InvalidConfig, NetworkError } from "../services/NetworkError.ts"
import type * as GossipKeys from "./GossipKeys.ts"
import * as Sealed from "./Sealed.ts"

/** How often the file is looked at. */
const interval: Duration.Input = "1 minute"

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? `it cannot be read: ${String(cause.code)}` : "it cannot be read"

interface Keys extends Omit<KeysText.Keys, "keys"> {
  readonly keys: ReadonlyArray<Redacted.Redacted>
}

/** What the file says, or why it is of no use. */
type Read = Result.Result<Keys, string>

const sealed = ({ keys, ...verify }: KeysText.Keys): Keys => ({ ...verify, keys: keys.map(Sealed.seal) })

const read = (path: string): Effect.Effect<Read> =>
  Effect.promise(() =>
    readFile(path, "utf8").then(
      (text) => Result.map(KeysText.parse(text), sealed),
      (cause) => Result.fail(codeOf(cause))
    )
  )

const isSame = (a: Read, b: Read): boolean => Equal.equals(a, b)

/** Reads the file at this path, and again and again. `setting` is what an error calls it. */
export const load = Effect.fnUntraced(function* (
  path: string,
  setting: string,
  every: Duration.Input = interval
): Effect.fn.Return<GossipKeys.Options & Keys, NetworkError> {
  const first = yield* read(path)
  if (Result.isFailure(first)) {
    const reason = new InvalidConfig({ setting, detail: `the file of keys: ${first.failure}` })
    return yield* new NetworkError({ operation: "listen", reason })
  }
  const warn = (why: string) =>
    Effect.logWarning(`${setting}: the file of keys is not used, and the last good keys stay: ${why}`)
  const later = Stream.fromEffectSchedule(read(path), Schedule.spaced(every))
  /** The last that could be used, which a bad one leaves in place. */
  let last = first
  const renewals = Stream.concat(Stream.succeed<Read>(first), later).pipe(
    Stream.changesWith(isSame),
    Stream.mapEffect((next) => {
      if (Result.isFailure(next)) return Effect.as(warn(next.failure), [])
      const isNew = !isSame(next, last)
      last = next
      return Effect.succeed(isNew ? [next.success] : [])
    }),
    Stream.flatMap(Stream.fromIterable)
  )
  return { ...first.success, renewals }
})
