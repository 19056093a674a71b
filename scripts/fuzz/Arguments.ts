/** What the fuzzer was asked for on the command line. */

import { parseArgs } from "node:util"
import { lineOf } from "../line.ts"
import type { Target } from "./Target.ts"

export interface Arguments {
  readonly targets: ReadonlyArray<Target>
  /** For all of them. */
  readonly seconds: number
  readonly seed: number
  readonly json: boolean
  readonly isGuided: boolean
}

export const usage = `Feeds what takes bytes from elsewhere with inputs that are almost right, and fails if one throws, takes long, or holds much memory.

npm run fuzz -- [--seconds N] [--only NAME].. [--seed N] [--blind] [--json]

  --seconds N    for all targets together, 60 unless told otherwise; 3600 for a night
  --only NAME    targets whose name has this text in it; more than once for more of them
  --seed N       of all chance, drawn and printed unless told
  --blind        does not follow which code runs, which is faster and finds less
  --json         one line of JSON for each target

What it finds is kept in test/fuzz/corpus, as small as it can be made, where a test replays it.
`

const options = {
  seconds: { type: "string", default: "60" },
  only: { type: "string", multiple: true },
  seed: { type: "string" },
  blind: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false }
} as const

const read = (argv: ReadonlyArray<string>) => parseArgs({ options, args: [...argv], allowPositionals: false })

const isWhole = (text: string, max: number): boolean => /^\d+$/.test(text) && Number(text) <= max

/** The arguments, "help", or one line that says what is wrong with them. `drawn` is the seed unless one is told. */
export const parse = (
  argv: ReadonlyArray<string>,
  drawn: number,
  all: ReadonlyArray<Target>
): Arguments | "help" | { readonly wrong: string } => {
  let parsed: ReturnType<typeof read>
  try {
    parsed = read(argv)
  } catch (error) {
    return { wrong: lineOf(error) }
  }
  const { blind, help, json, only = [], seconds, seed = String(drawn) } = parsed.values
  if (help) return "help"
  if (!isWhole(seconds, 86_400) || Number(seconds) === 0)
    return { wrong: `--seconds takes a whole number from 1 to 86400, not "${seconds}"` }
  if (!isWhole(seed, 2 ** 32 - 1))
    return { wrong: `--seed takes a whole number from 0 to ${2 ** 32 - 1}, not "${seed}"` }
  const unknown = only.find((text) => !all.some(({ name }) => name.includes(text)))
  if (unknown !== undefined) return { wrong: `no target has "${unknown}" in its name` }
  const targets = only.length === 0 ? all : all.filter(({ name }) => only.some((text) => name.includes(text)))
  return { targets, seconds: Number(seconds), seed: Number(seed), json, isGuided: !blind }
}
