/** What the lab was asked for on the command line. */

import { parseArgs } from "node:util"
import { lineOf } from "../line.ts"
import { complaint } from "./Bounds.ts"

export const commands = ["paths", "faults", "soak"] as const
export type Command = (typeof commands)[number]

export interface Arguments {
  readonly command: Command
  readonly seconds: number
  readonly minutes: number
  readonly repeats: number
  readonly seed: number
  readonly flows: number
  /** Flows that are opened and closed, a second. */
  readonly connects: number
  /** Mbit/s; 0 for no limit. */
  readonly rate: number
  readonly roundTripMillis: number
  readonly loss: number
  /** File for a picture. */
  readonly plot: string | undefined
  /** Parts of names of rows; all rows if there is none. */
  readonly only: ReadonlyArray<string>
}

export const usage = `Runs hosts on a network of its own: namespaces of Linux, joined by a switch that spoils what goes between them.

npm run net -- paths [--seconds N] [--only TEXT]..
npm run net -- faults [--repeats N] [--only TEXT]..
npm run net -- soak [--minutes N] [--rate MBIT] [--rtt MILLIS] [--loss SHARE] [--flows N] [--connects N] [--plot FILE.svg]

  paths     what flows carry on slow, long and lossy paths, beside one bare TCP connection on the same path
  faults    how soon who waits on a peer is told that it was killed, stopped or cut off, and in which words
  soak      bulk in both directions on one path for a long time, while flows come and go; memory, descriptors, timers and
            the lag of the event loop, sampled once a second; fails if a flow is lost, or one of them grows

  --seconds N    of each row, 6 unless told otherwise
  --minutes N    of soak, 30 unless told otherwise
  --repeats N    of each fault, 15 unless told otherwise
  --seed N       of all chance, drawn and printed unless told
  --rate MBIT    Mbit/s in each direction, 1 unless told otherwise, 0 for no limit
  --rtt MILLIS   of a packet and its answer, 100 unless told otherwise
  --loss SHARE   of the packets, from 0 to 0.5, 0 unless told otherwise
  --flows N      in both directions each, 32 unless told otherwise
  --connects N   flows that soak opens and closes a second, beside them, none unless told otherwise
  --plot FILE    where soak draws what it has sampled; the name ends in .svg
  --only TEXT    rows whose first words have this text in them; more than once for more of them

It needs root, gcc and iproute2; test/net/setup.sh installs what is missing.
`

const options = {
  seconds: { type: "string", default: "6" },
  minutes: { type: "string", default: "30" },
  repeats: { type: "string", default: "15" },
  seed: { type: "string" },
  flows: { type: "string", default: "32" },
  connects: { type: "string", default: "0" },
  plot: { type: "string" },
  rate: { type: "string", default: "1" },
  rtt: { type: "string", default: "100" },
  loss: { type: "string", default: "0" },
  only: { type: "string", multiple: true },
  help: { type: "boolean", default: false }
} as const

const read = (argv: ReadonlyArray<string>) => parseArgs({ options, args: [...argv], allowPositionals: true })

/** The arguments, "help", or one line that says what is wrong with them. `drawn` is the seed unless one is told. */
export const parse = (argv: ReadonlyArray<string>, drawn: number): Arguments | "help" | { readonly wrong: string } => {
  let parsed: ReturnType<typeof read>
  try {
    parsed = read(argv)
  } catch (error) {
    return { wrong: lineOf(error) }
  }
  const { positionals, values } = parsed
  if (values.help) return "help"
  const command = commands.find((one) => one === positionals[0])
  const choice = commands.join(", ")
  if (command === undefined || positionals.length > 1)
    return {
      wrong: positionals.length === 0 ? `say one of ${choice}` : `say one of ${choice}, not "${positionals.join(" ")}"`
    }
  const seed = values.seed ?? String(drawn)
  const { connects, flows, loss, minutes, plot, rate, repeats, rtt, seconds } = values
  const texts = { seconds, minutes, repeats, seed, flows, connects, rate, rtt, loss }
  for (const [name, text] of Object.entries(texts)) {
    const wrong = complaint(name, text)
    if (wrong !== undefined) return { wrong }
  }
  if (plot !== undefined && !plot.endsWith(".svg"))
    return { wrong: `--plot takes a file name that ends in .svg, not "${plot}"` }
  return {
    command,
    seconds: Number(seconds),
    minutes: Number(minutes),
    repeats: Number(repeats),
    seed: Number(seed),
    flows: Number(flows),
    connects: Number(connects),
    plot,
    rate: Number(rate),
    roundTripMillis: Number(rtt),
    loss: Number(loss),
    only: values.only ?? []
  }
}

/** Whether a row is asked for. */
export const isAsked = ({ only }: Pick<Arguments, "only">, name: string): boolean =>
  only.length === 0 || only.some((text) => name.includes(text))
