/**
 * The code of today against the last release, or against itself with something else turned on. Both are measured by the same
 * program, a peer file of grinta, which gets its `src` from this checkout or from the release. One after the other they make a pair, and pairs take turns in who comes
 * first; all rows have their first pair before any has its second, so that the noise of the machine hits them alike.
 * `--help` tells the arguments.
 */
import "../scripts/stdout.ts"
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism, loadavg } from "node:os"
import { effortOf, type Row } from "./flow/Row.ts"
import { rows } from "./flow/Rows.ts"
import { measure } from "./Measurement.ts"
import { parse, sectionOf, usage } from "./PairArguments.ts"
import { type Comparison, compare, type Pair, table, text } from "./PairReport.ts"
import { insert, number } from "./Report.ts"
import { type Side, sidesOf } from "./Sides.ts"

const page = "docs/performance.md"

const refuse = (message: string): never => {
  process.stderr.write(`bench:pairs: ${message}\n`)
  process.exit(1)
}

const parsed = parse(process.argv.slice(2))
const asked = typeof parsed === "string" ? refuse(`${parsed} (--help says more)`) : parsed
if (asked.help) {
  process.stdout.write(usage)
  process.exit()
}

const sides = await sidesOf(asked)
const { ours, theirs } = typeof sides === "string" ? refuse(sides) : sides

const chosen = rows.filter(({ name }) => asked.rows.includes(name))
/** Of each row that has not failed, the values of both sides, pair by pair. */
const measured = new Map<Row, Array<{ readonly ours: ReadonlyArray<number>; readonly theirs: ReadonlyArray<number> }>>(
  chosen.map((row) => [row, []])
)
const failed: Array<string> = []

const valuesOf = async (row: Row, { loaded, name }: Side): Promise<ReadonlyArray<number> | undefined> => {
  const said = await measure(row, loaded, asked.seconds)
  if ("values" in said) return said.values
  failed.push(`${name} in ${row.name} (${said.error})`)
  measured.delete(row)
  return undefined
}

const measurePair = async (row: Row, isOursFirst: boolean) => {
  const first = await valuesOf(row, isOursFirst ? ours : theirs)
  const second = first && (await valuesOf(row, isOursFirst ? theirs : ours))
  if (first === undefined || second === undefined) return
  measured.get(row)?.push(isOursFirst ? { ours: first, theirs: second } : { ours: second, theirs: first })
}

const comparisons = (): ReadonlyArray<Comparison> =>
  [...measured].flatMap(([row, all]) =>
    row.figures.map((figure, index) => {
      const value = (values: ReadonlyArray<number>) => values[index] ?? Number.NaN
      const pairs = all.map((pair): Pair => ({ ours: value(pair.ours), theirs: value(pair.theirs) }))
      return compare(figure, pairs)
    })
  )

const conditions = { cores: availableParallelism(), load: loadavg()[0] ?? 0 }
const began = performance.now()
for (let pair = 0; pair < asked.pairs; pair++) {
  for (const row of [...measured.keys()]) await measurePair(row, pair % 2 === 0)
  const minutes = ((performance.now() - began) / 60_000).toFixed(1)
  const ratios = comparisons().map(({ figure, ratio }) => `${figure.name} ${ratio.toFixed(3)}`)
  process.stderr.write(`pair ${pair + 1} of ${asked.pairs}, ${minutes} min, medians so far: ${ratios.join(", ")}\n`)
}

const all = comparisons()
process.stdout.write(`${ours.name} beside ${theirs.name}, above 1 for better than it, with 95 % intervals:\n`)
for (const one of all) process.stdout.write(`${text(one, theirs.name)}\n`)
for (const one of failed) process.stdout.write(`failed: ${one}\n`)

if (asked.page && all.length > 0) {
  const effort = effortOf(asked.seconds)
  const said = [
    `Conditions: Node ${process.version}, ${conditions.cores} cores shared with other work (load average ` +
      `${conditions.load.toFixed(1)} when the run began), both processes on loopback, ${asked.pairs} pairs, each ` +
      `measurement ${number(effort.measuredSeconds)} s after a warm-up of ${number(effort.warmUpSeconds)} s.`,
    ...failed.map((one) => `Failed: ${one}.`),
    table(all, ours.name, theirs.name)
  ]
  writeFileSync(page, insert(readFileSync(page, "utf8"), sectionOf(asked.against), said.join("\n\n")))
}
process.exit(failed.length === 0 ? 0 : 1)
