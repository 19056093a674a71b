/**
 * What the demo is asked for, and the lines of the text that it counts.
 */
import { fileURLToPath } from "node:url"
import { Effect, FileSystem, Schema, Stream } from "effect"

export interface Input {
  readonly paths: ReadonlyArray<string>
  /** How to call the text. */
  readonly title: string
  readonly bytes: number
  readonly json: boolean
}

/** Something that the user can put right; the message says how. */
export class BadInput extends Schema.TaggedError<BadInput>()("BadInput", { detail: Schema.String }) {
  override get message() {
    return this.detail
  }
}

export const usage = "npm run demo [-- FILE] [--json]"

/** Texts of this repository, for when no FILE is given; those that are there. */
const samples = ["LICENSE", "README.md"]

const root = fileURLToPath(new URL("../../", import.meta.url))

const bad = (detail: string) => Effect.fail(new BadInput({ detail: `${detail}; usage: ${usage}` }))

/** The size of a text file. It is opened and read several times, so a pipe will not do. */
const check = Effect.fnUntraced(
  function* (path: string) {
    const files = yield* FileSystem.FileSystem
    const { size, type } = yield* files.stat(path)
    if (type === "Directory") return yield* bad(`"${path}" is a directory, give a text file`)
    if (type !== "File") return yield* bad(`"${path}" is no regular file, give a text file`)
    yield* files.access(path, { readable: true })
    return Number(size)
  },
  (checked, path) =>
    Effect.catchTag(checked, "PlatformError", (error) =>
      bad(
        error.reason._tag === "NotFound"
          ? `"${path}" does not exist, give the path of a text file`
          : `"${path}" cannot be read (${error.reason._tag}), give a text file that you may read`
      )
    )
)

/** Reads the command line. Errors: BadInput, before anything is started. */
export const parse = Effect.fnUntraced(function* (args: ReadonlyArray<string>) {
  const files = yield* FileSystem.FileSystem
  const unknown = args.find((arg) => arg.startsWith("-") && arg !== "--json")
  if (unknown !== undefined) return yield* bad(`unknown option "${unknown}"`)
  const json = args.includes("--json")
  const given = args.filter((arg) => arg !== "--json")
  if (given.length > 1) return yield* bad(`one FILE at a time, not ${given.length}`)
  const present = yield* Effect.filter(samples, (name) => Effect.orElseSucceed(files.exists(root + name), () => false))
  const paths = given.length > 0 ? given : present.map((name) => root + name)
  if (paths.length === 0) return yield* bad("there is no text here, give a FILE")
  const sizes = yield* Effect.forEach(paths, check)
  const input: Input = {
    paths,
    title: (given.length > 0 ? given : present).join(" and "),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    json
  }
  return input
})

/** A longer line is cut between two words, and counts as several; a longer word is cut too. In UTF-16 code units. */
const lineLengthMax = 64 * 1024

/** Half of a surrogate pair may be half of a letter. */
const isInWord = (unit: string | undefined): boolean => unit !== undefined && /[\p{L}\p{N}\p{Cs}]/u.test(unit)

const cutAt = (line: string): number => {
  let at = lineLengthMax
  while (at > 0 && isInWord(line[at - 1])) at -= 1
  return at === 0 ? lineLengthMax : at
}

/** Cuts more text off into lines; the rest waits for what comes next. */
const cut = (rest: string, text: string): readonly [rest: string, lines: ReadonlyArray<string>] => {
  const lines = (rest + text).split("\n")
  let last = lines.pop() ?? ""
  while (last.length > lineLengthMax) {
    const at = cutAt(last)
    lines.push(last.slice(0, at))
    last = last.slice(at)
  }
  return [last, lines]
}

/** The lines of the files, one file after the other; never more than a few chunks of them are in memory. */
export const linesOf = (paths: ReadonlyArray<string>) =>
  Stream.fromIterable(paths).pipe(
    Stream.flatMap((path) =>
      Stream.unwrap(Effect.map(FileSystem.FileSystem, (files) => files.stream(path))).pipe(
        Stream.decodeText(),
        Stream.mapAccum(() => "", cut, { onHalt: (rest) => (rest === "" ? [] : [rest]) })
      )
    )
  )
