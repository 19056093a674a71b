/** What the command is asked for. */
import { parseArgs } from "node:util"

export interface Arguments {
  /** Names, or their beginnings with a `*`; all attacks if there is none. */
  readonly only: ReadonlyArray<string>
  readonly isJson: boolean
  /** With TLS and keys, instead of plaintext. */
  readonly isSealed: boolean
  /** Instead of what each attack takes. */
  readonly seconds: number | undefined
  readonly isList: boolean
  /** Runs all in both ways, and writes the table into the documentation. */
  readonly isPage: boolean
  /** A commit whose hosts are attacked, instead of those of now. */
  readonly of: string | undefined
  /** Where the figures are kept as JSON as well. */
  readonly keep: string | undefined
}

export const usage = `Attacks a running host from another process, while two good hosts exchange checked traffic with it.

npm run attack [-- --only NAME].. [--tls] [--seconds N] [--json] [--of COMMIT] [--keep FILE]
npm run attack -- --list
npm run attack -- --page [--only NAME].. [--tls]

  --only NAME     one attack, or with a * at its end all that begin so, such as --only "honest-*"; more than once for more
  --tls           with keys and TLS, instead of plaintext
  --seconds N     of each attack, from 1 to 600; 5 unless told otherwise, and longer for some
  --json          the figures as one line of JSON for each attack, instead of a table
  --of COMMIT     hosts of an older commit, to see what an attack did before it was mended
  --keep FILE     writes the figures into a file as well; what is there of other attacks stays
  --list          what there is, and attacks nobody
  --page          all attacks in both ways, or those that are asked for, and the table in docs/security.md from the last
                  figures of each

A control runs after each attack: the same hosts, with a process that uses as much of the processor as the attacker did, at the
same pace, and sends nothing. Exit code 0 if all was held, 1 if something was MISSED, 2 if the arguments are wrong.
`

const options = {
  only: { type: "string", multiple: true },
  json: { type: "boolean", default: false },
  tls: { type: "boolean", default: false },
  seconds: { type: "string" },
  list: { type: "boolean", default: false },
  page: { type: "boolean", default: false },
  of: { type: "string" },
  keep: { type: "string" },
  help: { type: "boolean", default: false }
} as const

const secondsMax = 600

const read = (argv: ReadonlyArray<string>) => parseArgs({ options, args: [...argv], allowPositionals: true })

/** Whether a pattern of `--only` means a name. */
const means = (pattern: string, name: string): boolean =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern

export const isAsked = ({ only }: Pick<Arguments, "only">, name: string): boolean =>
  only.length === 0 || only.some((pattern) => means(pattern, name))

/** The arguments, "help", or one line that says what to do. `names` are those of all attacks. */
export const parse = (
  argv: ReadonlyArray<string>,
  names: ReadonlyArray<string>
): Arguments | "help" | { readonly wrong: string } => {
  let parsed: ReturnType<typeof read>
  try {
    parsed = read(argv)
  } catch (error) {
    return { wrong: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error) }
  }
  const { positionals, values } = parsed
  if (values.help) return "help"
  const [first] = positionals
  if (first !== undefined) return { wrong: `say --only ${first}, if that is the attack that you mean` }
  const only = values.only ?? []
  const unknown = only.find((pattern) => !names.some((name) => means(pattern, name)))
  if (unknown !== undefined) return { wrong: `there is no attack "${unknown}"; --list has the names` }
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds)
  if (seconds !== undefined && !(values.seconds?.trim() !== "" && seconds >= 1 && seconds <= secondsMax))
    return { wrong: `--seconds takes a number from 1 to ${secondsMax}, not "${values.seconds}"` }
  if (values.page && (values.json || values.list || values.of !== undefined))
    return { wrong: "--page makes the table of what is measured now: it goes with --only, --tls, --seconds and --keep" }
  if (values.keep === "") return { wrong: "--keep takes the name of a file" }
  return {
    only,
    isJson: values.json,
    isSealed: values.tls,
    seconds,
    isList: values.list,
    isPage: values.page,
    of: values.of,
    keep: values.keep
  }
}
