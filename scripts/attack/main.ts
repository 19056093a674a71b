/** Attacks on a running host, on the command line: `npm run attack -- --help`. */
import "../stdout.ts"
import { readFileSync, writeFileSync } from "node:fs"
import { begin, number } from "../net/Table.ts"
import { type Arguments, isAsked, parse, usage } from "./Arguments.ts"
import type { Attack } from "./Attack.ts"
import { attacks } from "./attacks.ts"
import { type Ground, groundOf } from "./Camp.ts"
import * as Kept from "./Kept.ts"
import * as Older from "./Older.ts"
import * as Page from "./Page.ts"
import * as Trial from "./Trial.ts"
import { type Figures, goodOf, isHeld, isOf, missesOf } from "./Verdict.ts"

const secondsUnlessSaid = 5
/** Third bytes of the addresses of hosts: those of the control, and those that are attacked, each at addresses of its own. */
const controlNet = 2
const firstNet = 3
const netsMax = 60

/** Ends with one line for whoever typed it. */
const refuse = (message: string): never => {
  process.stderr.write(`attack: ${message}\n`)
  process.exit(2)
}

const share = (value: number): string => `${Math.round(100 * value)} %`
const mebi = (bytes: number): string => number(Math.round(bytes / 2 ** 20))
const yes = (isSo: boolean | undefined): string => (isSo === undefined ? "" : isSo ? "yes" : "NO")

const reasonsShown = 2

const cellsOf = (figures: Figures): ReadonlyArray<string | number> => {
  const counted = Object.entries(figures.counted)
    .slice(0, reasonsShown)
    .map(([reason, times]) => `${times} ${reason}`)
  return [
    figures.name,
    figures.by,
    `${share(goodOf(figures))} (${share(figures.messages)}, ${share(figures.opens)}, ${share(figures.names)})`,
    figures.lost,
    `${number(figures.turnMillis)} (${number(figures.turnMillisControl)})`,
    `${mebi(figures.rssPeakBytes)}, ${mebi(figures.rssAfterBytes)}`,
    `${mebi(figures.heapAfterBytes)} (${mebi(figures.heapControlBytes)})`,
    `${figures.closed} of ${figures.connections}${figures.streamsRefused > 0 ? `, ${figures.streamsRefused} streams` : ""}`,
    counted.join(", "),
    yes(figures.isNamed),
    yes(figures.isMember),
    figures.buried,
    yes(figures.isJoined),
    figures.amplification === undefined ? "" : number(figures.amplification),
    number(figures.attackerCpuSeconds),
    isHeld(figures) ? "held" : `MISSED: ${missesOf(figures).join("; ")}`
  ]
}

const columns = [
  "attack",
  "by",
  "good (messages, opens, names)",
  "flows lost:",
  "turn, ms (control):",
  "RSS, MiB, peak, after:",
  "heap, MiB (control):",
  "closed",
  "counted",
  "names",
  "members",
  "buried:",
  "newcomer",
  "bytes for one:",
  "attacker's cpu, s:",
  "verdict"
]

/** Attacks one after the other; what was measured of each is told when it is there. */
const runAll = async (
  chosen: ReadonlyArray<Attack>,
  ground: Ground,
  seconds: number | undefined,
  tell: (figures: Figures) => void
): Promise<ReadonlyArray<Figures>> => {
  const control = await Trial.control(ground, controlNet)
  const all: Array<Figures> = []
  try {
    for (const [i, attack] of chosen.entries()) {
      const net = firstNet + (i % netsMax)
      const figures = await Trial.run({
        ...{ attack, ground, control, net },
        seconds: seconds ?? attack.seconds ?? secondsUnlessSaid
      })
      all.push(figures)
      tell(figures)
    }
    return all
  } finally {
    await control.close()
  }
}

const teller = (isJson: boolean): ((figures: Figures) => void) => {
  if (isJson)
    return (figures) => void process.stdout.write(`${JSON.stringify({ ...figures, misses: missesOf(figures) })}\n`)
  const { row } = begin(...columns)
  return (figures) => row(...cellsOf(figures))
}

const list = (): void => {
  const width = Math.max(...attacks.map(({ name }) => name.length))
  for (const { by, name, says } of attacks) process.stdout.write(`${name.padEnd(width)}  ${by.padEnd(6)}  ${says}\n`)
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The folder of an older commit, if one was asked for; it is gone when this ends. */
const olderOf = ({ of }: Arguments): string | undefined => {
  if (of === undefined) return undefined
  try {
    const { folder, remove } = Older.take(of)
    process.once("exit", remove)
    return folder
  } catch (error) {
    return refuse(messageOf(error))
  }
}

/** True if all was held. */
const run = async (asked: Arguments): Promise<boolean> => {
  const folder = olderOf(asked)
  const tell = teller(asked.isJson)
  const isWhole = asked.isPage && !asked.isSealed && asked.only.length === 0
  const ways = isWhole ? [false, true] : [asked.isSealed]
  const found: Array<Figures> = []
  for (const isSealed of ways) {
    const chosen = attacks.filter((attack) => isAsked(asked, attack.name) && isOf(attack, isSealed))
    if (chosen.length === 0) return refuse("these attacks are on encrypted flows: say --tls")
    found.push(
      ...(await runAll(chosen, groundOf(isSealed, folder), asked.seconds, (figures) => {
        tell(figures)
        for (const file of [asked.keep, asked.isPage ? Page.nowFile : undefined])
          if (file !== undefined) Kept.keep(file, [Kept.rowOf(figures)])
      }))
    )
  }
  if (asked.isPage) {
    const table = Page.table(Kept.read(Page.nowFile), Kept.read(Page.beforeFile))
    const text = Page.insert(readFileSync(Page.page, "utf8"), table)
    if (text === undefined) return refuse(`${Page.page} has no place for the table`)
    writeFileSync(Page.page, text)
  }
  return found.every(isHeld)
}

const asked = parse(
  process.argv.slice(2),
  attacks.map(({ name }) => name)
)
if (asked === "help") process.stdout.write(usage)
else if ("wrong" in asked) refuse(`${asked.wrong} (--help says more)`)
else if (asked.isList) list()
else {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1))
  const isHeldAll = await run(asked).catch((error) => {
    process.stderr.write(`attack: ${messageOf(error)}\n`)
    return false
  })
  process.exit(isHeldAll ? 0 : 1)
}
