/**
 * A host under more than it should get, beside itself without load: five processes on loopback.
 *
 * Usage: npm run bench:overload [-- --seconds N] [--flows N] [--connects N] [--fibers N] [--page]. Prints a table; `--page` also
 * writes it into docs/performance.md. Fails when anything fails without a type, or a process ends.
 */
import "../../scripts/stdout.ts"
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism, loadavg } from "node:os"
import { parseArgs } from "node:util"
import { lineOf } from "../../scripts/line.ts"
import { ask, type Child } from "../../test/net/Child.ts"
import { sleep, until } from "../../test/net/Lines.ts"
import { insert, number } from "../Report.ts"
import { percentile } from "../stats.ts"
import { Done, Metered, Tally, Vitals, Where } from "./Orders.ts"

const refuse = (message: string): never => {
  process.stderr.write(`bench:overload: ${message}\n`)
  process.exit(1)
}

const options = {
  seconds: { type: "string", default: "20" },
  flows: { type: "string", default: "10000" },
  connects: { type: "string", default: "1000" },
  fibers: { type: "string", default: "64" },
  page: { type: "boolean", default: false }
} as const

const read = () => {
  try {
    return parseArgs({ options, allowPositionals: false }).values
  } catch (error) {
    return refuse(lineOf(error))
  }
}

const values = read()

const whole = (name: "seconds" | "flows" | "connects" | "fibers", max: number): number => {
  const value = Number(values[name])
  if (values[name].trim() !== "" && Number.isInteger(value) && value >= 1 && value <= max) return value
  return refuse(`--${name} takes a whole number from 1 to ${max}, not "${values[name]}"`)
}

const seconds = whole("seconds", 3_600)
const flows = whole("flows", 12_000)
const perSecond = whole("connects", 8_000)
const fibers = whole("fibers", 1_000)

const file = new URL("./host.ts", import.meta.url).pathname

/** How long a process may take to come up, and flows to be opened, on a machine that is busy. */
const patienceMillis = 300_000

const troubles: Array<string> = []

const start = async (name: string, seeds: ReadonlyArray<string>): Promise<Child> => {
  let isUp = false
  const child = ask([process.execPath, file, JSON.stringify({ name, seeds })], name, (event) => {
    const text = JSON.stringify(event)
    if (text.startsWith('{"up"')) isUp = true
    else troubles.push(`${name}: ${text}`)
  })
  await until(`the start of ${name}`, patienceMillis, () => {
    if (!child.isRunning()) throw new Error(`${name} ended at its start: ${troubles.join("; ")}`)
    return isUp
  })
  return child
}

const warmMillis = 3_000

const tell = (child: Child, order: object) => child.ask(order, Done, patienceMillis)
const stop = (child: Child) => child.ask({ do: "stop" }, Tally, patienceMillis)

interface Row {
  readonly load: string
  readonly metered: Metered
  readonly rss: number
  readonly heap: number
  readonly tallies: ReadonlyArray<readonly [what: string, tally: Tally]>
}

const columns = [
  ["load", "---"],
  ["echo p50, ms", "---:"],
  ["p99", "---:"],
  ["connect and echo p50, ms", "---:"],
  ["p99", "---:"],
  ["memory, MiB", "---:"],
  ["heap, MiB", "---:"],
  ["what became of the load, a second", "---"]
] as const

const wordsOf = ([what, { failures, well }]: Row["tallies"][number]): string => {
  const rest = Object.entries(failures).map(([words, times]) => `${number(times / seconds)} ${words}`)
  return [`${what}: ${number(well / seconds)} well`, ...rest].join("; ")
}

const lineOfRow = ({ heap, load, metered, rss, tallies }: Row): string => {
  const { connects, echoes, failures } = metered
  const lost = Object.entries(failures).map(([words, times]) => `of the others ${times} ${words}`)
  const cells = [
    load,
    ...[echoes, connects].flatMap((all) => [percentile(all, 0.5), percentile(all, 0.99)].map(number)),
    number(rss / 2 ** 20),
    number(heap / 2 ** 20),
    [...tallies.map(wordsOf), ...lost].join(". ")
  ]
  return `| ${cells.join(" | ")} |`
}

const server = await start("server", [])
const { gossip } = await server.ask({ do: "where" }, Where)
const others = await start("others", [gossip])
const holder = await start("holder", [gossip])
const churner = await start("churner", [gossip])
const retrier = await start("retrier", [gossip])
const all = [server, others, holder, churner, retrier]

/** Measures while loads run; the most memory of any second. */
const measure = async (load: string, loads: ReadonlyArray<readonly [what: string, child: Child, order: object]>) => {
  for (const [, child, order] of loads) await tell(child, order)
  await sleep(warmMillis)
  for (const [, child] of loads) await stop(child)
  for (const [, child, order] of loads) await tell(child, order)
  await tell(others, { do: "meter" })
  let [rss, heap] = [0, 0]
  for (let second = 0; second < seconds; second++) {
    await sleep(1000)
    const vitals = await server.ask({ do: "vitals" }, Vitals, patienceMillis)
    rss = Math.max(rss, vitals.rss)
    heap = Math.max(heap, vitals.heap)
  }
  const metered = await others.ask({ do: "metered" }, Metered, patienceMillis)
  const tallies: Array<readonly [string, Tally]> = []
  for (const [what, child] of loads) tallies.push([what, await stop(child)])
  const row: Row = { load, metered, rss, heap, tallies }
  process.stdout.write(`${lineOfRow(row)}\n`)
  return row
}

const conditions = `Node ${process.version}, ${availableParallelism()} cores, load average ${(loadavg()[0] ?? 0).toFixed(1)} before; ${seconds} s a row; five processes on loopback, where no limit of a peer counts.`
const head = [columns.map(([name]) => name), columns.map(([, rule]) => rule)].map((cells) => `| ${cells.join(" | ")} |`)
process.stdout.write(`${conditions}\n\n${head.join("\n")}\n`)

const churn = [`opened and closed`, churner, { do: "churn", perSecond }] as const
const retry = [`asked again at once`, retrier, { do: "retry", fibers }] as const
const rows: Array<Row> = []
rows.push(await measure("none", []))
rows.push(await measure(`${perSecond} flows opened and closed a second`, [churn]))
rows.push(await measure(`${fibers} fibers that ask again at once when they are refused`, [retry]))
await tell(holder, { do: "hold", flows })
rows.push(await measure(`${flows} open flows`, []))
rows.push(await measure("all of these", [churn, retry]))
const { failures, well } = await stop(holder)
rows.push(await measure("none again", []))

if (well !== flows) troubles.push(`of ${flows} flows ${well} were opened: ${JSON.stringify(failures)}`)
for (const { load, metered, tallies } of rows)
  for (const words of [metered.failures, ...tallies.map(([, tally]) => tally.failures)].flatMap(Object.keys))
    if (words.startsWith("untyped")) troubles.push(`${load}: ${words}`)
for (const { load, metered } of rows)
  if (metered.echoes.length === 0 || metered.connects.length === 0) troubles.push(`${load}: the others were not served`)
for (const child of all) if (!child.isRunning()) troubles.push("a process has ended")
for (const trouble of troubles) process.stdout.write(`wrong: ${trouble}\n`)

if (values.page) {
  const page = "docs/performance.md"
  const body = `${conditions}\n\n${[...head, ...rows.map(lineOfRow)].join("\n")}`
  writeFileSync(page, insert(readFileSync(page, "utf8"), "overload", body))
}
await Promise.all(all.map((child) => child.kill()))
process.exit(troubles.length === 0 ? 0 : 1)
