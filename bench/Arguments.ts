/** What was asked for on the command line of the bench. */
import { parseArgs } from "node:util"

export interface Arguments {
  /** Empty when everything is measured. */
  readonly rows: ReadonlyArray<string>
  readonly candidates: ReadonlyArray<string>
  readonly repeats: number
  readonly json: string | undefined
  readonly help: boolean
}

/** What there is to choose from; `leftOut` says why a candidate cannot be chosen. */
export interface Known {
  readonly rows: ReadonlyArray<string>
  readonly candidates: ReadonlyArray<string>
  readonly leftOut: ReadonlyArray<{ readonly name: string; readonly why: string }>
}

const options = {
  only: { type: "string", multiple: true },
  repeats: { type: "string", default: "5" },
  json: { type: "string" },
  help: { type: "boolean", default: false }
} as const

export const usage = `Measures grinta beside what a user would pick instead: two processes on loopback.

npm run bench [-- --only NAME].. [--repeats N] [--json FILE]

  --only NAME    a row, or rows by the name before a dash; a candidate, or candidates by the name before a comma; more than
                 once for more of them
  --repeats N    measurements of each, 5 unless told otherwise; candidates take turns
  --json FILE    writes the figures, from which bench:page makes docs/performance.md
`

const repeatsMax = 1_000

/** The arguments, or one line that says what is wrong with them. */
export const parse = (argv: ReadonlyArray<string>, known: Known): Arguments | string => {
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>["values"]
  try {
    values = parseArgs({ options, args: [...argv], allowPositionals: false }).values
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)
  }
  const repeats = Number(values.repeats)
  if (values.repeats.trim() === "" || !Number.isInteger(repeats) || repeats < 1 || repeats > repeatsMax)
    return `--repeats takes a whole number from 1 to ${repeatsMax}, not "${values.repeats}"`
  const rows: Array<string> = []
  const candidates: Array<string> = []
  for (const name of values.only ?? []) {
    const rowFamily = known.rows.filter((one) => one === name || one.startsWith(`${name}-`))
    const family = known.candidates.filter((one) => one === name || one.startsWith(`${name}, `))
    const missing = known.leftOut.find((one) => one.name === name)
    if (rowFamily.length > 0) rows.push(...rowFamily)
    else if (family.length > 0) candidates.push(...family)
    else if (missing !== undefined) return `${name} cannot be measured: ${missing.why}`
    else return `there is no "${name}"; there are ${[...known.rows, ...known.candidates].join("; ")}`
  }
  return { rows, candidates, repeats, json: values.json, help: values.help }
}
