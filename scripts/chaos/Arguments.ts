/** What a run was asked for on the command line. */

import { parseArgs } from "node:util"
import { lineOf } from "../line.ts"
import { complaint } from "../net/Bounds.ts"

export interface Arguments {
  readonly minutes: number
  readonly hosts: number
  readonly seed: number
  readonly json: boolean
  readonly loopback: boolean
}

export const usage = `Random faults on hosts, each a process, that exchange numbered messages with all others. Every end that a caller saw is
compared with what handlers saw; fails if one is not as it should be.

npm run chaos [-- --minutes N] [--hosts N] [--seed N] [--loopback] [--json]

  --minutes N    of faults, 10 unless told otherwise; it ends when all has healed
  --hosts N      from 2 to 16, 12 unless told otherwise
  --seed N       of which fault comes when and to whom, drawn and printed unless told
  --loopback     no namespaces, and so none of the faults of a network
  --json         one line of JSON in place of the report

Hosts are in network namespaces, joined by a switch that spoils what goes between them. Where these are not permitted they are on
loopback, which is said. test/net/setup.sh installs what is missing.
`

const options = {
  minutes: { type: "string", default: "10" },
  hosts: { type: "string", default: "12" },
  seed: { type: "string" },
  loopback: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false }
} as const

const read = (argv: ReadonlyArray<string>) => parseArgs({ options, args: [...argv], allowPositionals: false })

/** The arguments, "help", or one line that says what is wrong with them. `drawn` is the seed unless one is told. */
export const parse = (argv: ReadonlyArray<string>, drawn: number): Arguments | "help" | { readonly wrong: string } => {
  let parsed: ReturnType<typeof read>
  try {
    parsed = read(argv)
  } catch (error) {
    return { wrong: lineOf(error) }
  }
  const { help, hosts, json, loopback, minutes, seed = String(drawn) } = parsed.values
  if (help) return "help"
  const wrong = Object.entries({ minutes, hosts, seed }).flatMap(([name, value]) => complaint(name, value) ?? [])[0]
  if (wrong !== undefined) return { wrong }
  return { minutes: Number(minutes), hosts: Number(hosts), seed: Number(seed), json, loopback }
}
