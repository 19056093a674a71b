/**
 * Side by side, in one run: grinta and what a user would pick instead. Two processes on loopback; medians over repeats.
 *
 * Usage: npm run bench [-- --only NAME] [-- --repeats N] [-- --json FILE]
 */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { Grinta } from "../src/index.ts"
import { type Row, rows, startPeer } from "./flow/rows.ts"
import { type Summary, summary } from "./stats.ts"

interface Result {
  readonly row: string
  readonly unit: string
  readonly candidate: string
  readonly summary: Summary
  /** The median against that of the first candidate of the row, so that above 1 is better than it. */
  readonly ratio: number
}

const fail = (message: string): never => {
  process.stderr.write(`bench: ${message}\n`)
  process.exit(1)
}

const options = {
  only: { type: "string" },
  repeats: { type: "string", default: "5" },
  json: { type: "string" }
} as const

const parse = () => {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : error}; known are --only NAME, --repeats N, --json FILE`)
  }
}

const { json, only, repeats } = parse()
const count = Number(repeats)
if (!Number.isInteger(count) || count < 1) fail(`--repeats takes a whole number from 1, not "${repeats}"`)
const chosen = only === undefined ? rows : rows.filter(({ name }) => name === only)
if (chosen.length === 0) fail(`there is no row "${only}"; there are ${rows.map(({ name }) => name).join(", ")}`)

const progress = (text: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

const number = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3)

/** Candidates take turns, so that the noise of the machine hits them alike. */
const measureRow = Effect.fnUntraced(function* (row: Row) {
  const values = row.candidates.map((): Array<number> => [])
  const peer = yield* startPeer()
  for (let repeat = 0; repeat < count; repeat++)
    for (const [index, candidate] of row.candidates.entries()) {
      progress(`${row.name}: ${candidate.name}, ${repeat + 1} of ${count}`)
      const layer = Grinta.layer({
        name: `bench-${process.pid}-${repeat}-${index}`,
        seeds: [peer.gossip],
        listen: { gossipPort: 0, flowPort: 0 },
        profile: "local"
      })
      values[index]?.push(yield* Effect.scoped(Effect.provide(candidate.measure(peer), layer)))
    }
  progress("")
  const summaries = values.map(summary)
  const first = summaries[0]?.median ?? Number.NaN
  return row.candidates.map(({ name }, index): Result => {
    const own = summaries[index] ?? summary([])
    const ratio = row.better === "higher" ? own.median / first : first / own.median
    return { row: row.name, unit: row.unit, candidate: name, summary: own, ratio }
  })
}, Effect.scoped)

const program = Effect.gen(function* () {
  const results: Array<Result> = []
  for (const row of chosen) {
    const measured = yield* measureRow(row)
    results.push(...measured)
    process.stdout.write(`${row.name} (${row.unit}, ${row.better} is better)\n`)
    for (const { candidate, ratio, summary } of measured)
      process.stdout.write(
        `  ${candidate.padEnd(34)} ${number(summary.median).padStart(10)}  [${number(summary.min)} .. ${number(summary.max)}]  ${ratio.toFixed(2)}x\n`
      )
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ node: process.version, results }, null, 2)}\n`)
})

Effect.runPromise(program).then(
  () => process.exit(0),
  (error) => fail(String(error))
)
