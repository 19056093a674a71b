/** What was asked for on the command line of the pairs. */
import { parseArgs } from "node:util"
import { usualSeconds } from "./flow/Row.ts"

export interface PairArguments {
  readonly against: Against
  /** In place of the last release. */
  readonly commit: string | undefined
  readonly rows: ReadonlyArray<string>
  readonly pairs: number
  readonly seconds: number
  readonly page: boolean
  readonly help: boolean
}

/** Of all rows, those that are measured in pairs. */
export const pairRows = ["send", "sendAll", "large", "ping-pong", "open"] as const

/** What is measured beside what: today's code beside the last release, with TLS beside without, and rules beside none. */
const againsts = {
  release: { rows: pairRows, section: "pairs" },
  plaintext: { rows: pairRows, section: "pairs-plaintext" },
  anyone: { rows: ["open"], section: "pairs-anyone" }
} as const

export type Against = keyof typeof againsts

const isAgainst = (text: string): text is Against => Object.hasOwn(againsts, text)

/** Where in docs/performance.md the table goes. */
export const sectionOf = (against: Against): string => againsts[against].section

const shortSeconds = 0.6

const options = {
  against: { type: "string", default: "release" },
  of: { type: "string" },
  only: { type: "string", multiple: true },
  pairs: { type: "string", default: "20" },
  seconds: { type: "string" },
  short: { type: "boolean", default: false },
  page: { type: "boolean", default: false },
  help: { type: "boolean", default: false }
} as const

export const usage = `Measures the code of today against the last release, in pairs: one after the other, each with two processes of its own.

npm run bench:pairs [-- --against WHAT] [--of COMMIT] [--only ROW].. [--pairs N] [--seconds N | --short] [--page]

  --against WHAT release; or plaintext: flows over TLS beside flows in plaintext, both of today; or anyone: an endpoint that
                 asks eight rules and its host's, beside one that lets in whoever has a certificate, both over TLS
  --of COMMIT    a commit of this repository in place of the last release
  --only ROW     one of ${pairRows.join(", ")}; more than once for more of them
  --pairs N      pairs of each row, 20 unless told otherwise; below 6 there is no interval
  --seconds N    seconds that each measurement counts, after a warm-up of half as long again: ${usualSeconds} unless told otherwise
  --short        ${shortSeconds} s each: 20 pairs of all rows in some 10 minutes instead of some 25
  --page         writes the table of docs/performance.md
`

const bounds = { pairs: { from: 1, to: 1_000 }, seconds: { from: 0.1, to: 60 } }

/** The arguments, or one line that says what is wrong with them. */
export const parse = (argv: ReadonlyArray<string>): PairArguments | string => {
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>["values"]
  try {
    values = parseArgs({ options, args: [...argv], allowPositionals: false }).values
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)
  }
  const { against, help, of: commit, only = [], page, short } = values
  if (!isAgainst(against)) return `--against takes one of ${Object.keys(againsts).join(", ")}, not "${against}"`
  if (commit !== undefined && (against !== "release" || page))
    return "--of is for pairs with another commit than the last release, and of those there is no page"
  const pairs = Number(values.pairs)
  if (values.pairs.trim() === "" || !Number.isInteger(pairs) || pairs < bounds.pairs.from || pairs > bounds.pairs.to)
    return `--pairs takes a whole number from ${bounds.pairs.from} to ${bounds.pairs.to}, not "${values.pairs}"`
  if (short && values.seconds !== undefined) return "--short and --seconds exclude each other"
  const seconds = Number(values.seconds ?? (short ? shortSeconds : usualSeconds))
  if (values.seconds?.trim() === "" || !(seconds >= bounds.seconds.from && seconds <= bounds.seconds.to))
    return `--seconds takes a number from ${bounds.seconds.from} to ${bounds.seconds.to}, not "${values.seconds}"`
  const there: ReadonlyArray<string> = againsts[against].rows
  const unknown = only.find((name) => !there.includes(name))
  if (unknown !== undefined) return `there are no pairs of "${unknown}"; there are ${there.join(", ")}`
  const rows = there.filter((row) => only.length === 0 || only.includes(row))
  return { against, commit, rows, pairs, seconds, page, help }
}
