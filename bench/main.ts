/**
 * Side by side, in one run: grinta and what a user would pick instead. Two processes on loopback; medians over repeats.
 *
 * Each measurement has two processes of its own, so that no candidate profits or suffers from the one before it; within a
 * row the candidates take turns, so that the noise of the machine hits them alike. `--help` tells the arguments.
 */
import "../scripts/stdout.ts"
import { writeFileSync } from "node:fs"
import { availableParallelism, loadavg } from "node:os"
import { parse, usage } from "./Arguments.ts"
import { type Loaded, loadAll } from "./flow/peers.ts"
import { type Row, usualSeconds } from "./flow/Row.ts"
import { rows } from "./flow/Rows.ts"
import { measure } from "./Measurement.ts"
import { text } from "./Report.ts"
import type { Result, Run } from "./Run.ts"

const refuse = (message: string): never => {
  process.stderr.write(`bench: ${message}\n`)
  process.exit(1)
}

const { candidates, leftOut } = await loadAll()
const known = {
  rows: rows.map(({ name }) => name),
  candidates: [...new Set(candidates.map(({ name }) => name))],
  leftOut
}
const parsed = parse(process.argv.slice(2), known)
const asked = typeof parsed === "string" ? refuse(`${parsed} (--help says more)`) : parsed
if (asked.help) {
  process.stdout.write(`${usage}\nRows: ${known.rows.join(", ")}\nCandidates: ${known.candidates.join("; ")}\n`)
  process.exit()
}

const isAsked = (asked: ReadonlyArray<string>, name: string): boolean => asked.length === 0 || asked.includes(name)

const chosen = rows
  .filter(({ name }) => isAsked(asked.rows, name))
  .map((row) => ({
    row,
    candidates: candidates.filter((one) => one.rows.includes(row.name) && isAsked(asked.candidates, one.name))
  }))
  .filter((one) => one.candidates.length > 0)
if (chosen.length === 0) refuse("none of these candidates has one of these rows")

const total = asked.repeats * chosen.reduce((sum, one) => sum + one.candidates.length, 0)
let done = 0

const progress = (row: Row, candidate: Loaded, repeat: number): void => {
  if (!process.stderr.isTTY) return
  const what = `${row.name}: ${candidate.name}, repeat ${repeat + 1} of ${asked.repeats}`
  process.stderr.write(`\r\u001b[K[${done + 1}/${total}] ${what}`)
}

const clear = (): void => {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K")
}

const began = performance.now()
const results: Array<Result> = []
const failed: Array<Run["failed"][number]> = []
const conditions = { node: process.version, cores: availableParallelism(), load: loadavg()[0] ?? 0 }

const run = (): Run => ({
  ...conditions,
  repeats: asked.repeats,
  seconds: Math.round((performance.now() - began) / 1000),
  leftOut,
  failed,
  figures: chosen.flatMap(({ row }) => row.figures),
  results
})

const save = (): void => {
  if (asked.json === undefined) return
  try {
    writeFileSync(asked.json, `${JSON.stringify(run(), null, 2)}\n`)
  } catch {
    refuse(`cannot write "${asked.json}"`)
  }
}

const measureRow = async ({ candidates, row }: (typeof chosen)[number]): Promise<void> => {
  const values = new Map<Loaded, Array<ReadonlyArray<number>>>(candidates.map((candidate) => [candidate, []]))
  for (let repeat = 0; repeat < asked.repeats; repeat++)
    for (const [candidate, repeats] of values) {
      progress(row, candidate, repeat)
      const measured = await measure(row, candidate, usualSeconds)
      done += 1
      if ("values" in measured) repeats.push(measured.values)
      else {
        failed.push({ row: row.name, candidate: candidate.name, why: measured.error })
        values.delete(candidate)
      }
    }
  clear()
  for (const [index, figure] of row.figures.entries()) {
    for (const [candidate, repeats] of values)
      results.push({
        figure: figure.name,
        candidate: candidate.name,
        values: repeats.map((repeat) => repeat[index] ?? Number.NaN)
      })
    process.stdout.write(`${text(run(), figure)}\n`)
  }
}

save()
for (const { name, why } of leftOut) process.stdout.write(`left out: ${name} (${why})\n`)
for (const one of chosen) {
  await measureRow(one)
  save()
}
for (const { candidate, row, why } of failed) process.stdout.write(`failed: ${candidate} in ${row} (${why})\n`)
process.exit(failed.length === 0 ? 0 : 1)
