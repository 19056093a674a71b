/**
 * Name of a host that was given none: the machine's name, "-", and a suffix that tells the hosts of a machine apart.
 *
 * The suffix is random at each start, so that each start is a new host; or a file keeps it, and the host of that file
 * is the same from start to start.
 * Shape: the file holds 1 to 32 lower-case letters and digits, with space around them or not.
 * Errors: InvalidConfig for a file that cannot be read or made, or holds something else. Its path is not repeated.
 */
import { randomUUID } from "node:crypto"
import { link, readFile, rm, writeFile } from "node:fs/promises"
import * as Os from "node:os"
import { Effect } from "effect"
import { InvalidConfig, NetworkError } from "../../services/NetworkError.ts"

const suffixLength = 8
/** A name has at most 128 characters: this leaves room for "-" and the longest suffix. */
const machineLengthMax = 95
const shape = /^[a-z0-9]{1,32}$/

const invalid = (detail: string): NetworkError =>
  new NetworkError({ operation: "listen", reason: new InvalidConfig({ setting: "stateFile", detail }) })

const machine = (): string =>
  Os.hostname()
    .replace(/[^A-Za-z0-9-]+/g, "-")
    .slice(0, machineLengthMax) || "host"

const draw = Effect.sync(() => randomUUID().replaceAll("-", "").slice(0, suffixLength))

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "unknown")

/** Runs a promise; fails with the system's error code, such as "ENOENT". */
const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, string> => Effect.tryPromise({ try: run, catch: codeOf })

/** Creates the file as a whole, in one step. Fails with "EEXIST" if there is one by then. */
const create = Effect.fnUntraced(function* (path: string) {
  const suffix = yield* draw
  const draft = `${path}.${suffix}`
  yield* attempt(() => writeFile(draft, `${suffix}\n`)).pipe(
    Effect.andThen(attempt(() => link(draft, path))),
    Effect.ensuring(Effect.ignore(attempt(() => rm(draft, { force: true }))))
  )
})

const read = (path: string): Effect.Effect<string, string> =>
  Effect.map(
    attempt(() => readFile(path, "utf8")),
    (text) => text.trim()
  )

const suffixOf = Effect.fnUntraced(function* (path: string): Effect.fn.Return<string, NetworkError> {
  const made = Effect.catch(create(path), (code) => (code === "EEXIST" ? Effect.void : Effect.fail(code)))
  const missing = Effect.andThen(made, read(path))
  const suffix = yield* read(path).pipe(
    Effect.catch((code) => (code === "ENOENT" ? missing : Effect.fail(code))),
    Effect.mapError((code) => invalid(`the file cannot be read or made: ${code}`))
  )
  if (!shape.test(suffix)) return yield* invalid("the file holds no suffix of 1 to 32 lower-case letters and digits")
  return suffix
})

/** Returns a made name. `stateFile`: path of the file that keeps the suffix, or empty for none. */
export const make = (stateFile: string): Effect.Effect<string, NetworkError> =>
  Effect.map(stateFile === "" ? draw : suffixOf(stateFile), (suffix) => `${machine()}-${suffix}`)

/** Returns `given`, or a made name if it is empty. */
export const orMade = (given: string, stateFile: string): Effect.Effect<string, NetworkError> =>
  given === "" ? make(stateFile) : Effect.succeed(given)
