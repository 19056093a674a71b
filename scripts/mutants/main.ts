/**
 * Breaks laws on purpose, one at a time, in a copy of this checkout, and shows which test catches each.
 *
 * Usage: npm run mutants [-- --only TEXT]... Exit code 1 if a mutation survives, or does not apply any more.
 */
import { lineOf } from "../line.ts"
import "../stdout.ts"
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Mutate from "./Mutate.ts"
import { type Mutant, mutants } from "./mutants.ts"

const root = new URL("../..", import.meta.url).pathname

/** What tests need. */
const parts = ["src", "test", "scripts", "proto", "docs", "package.json", "tsconfig.json", "vitest.config.ts"]

/** How long the tests of a mutation may take. One that makes them hang is caught. */
const timeoutMillis = 300_000

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{ readonly fullName: string; readonly status: string }>
  }>
}

/** Which test failed first, in words; undefined if none did. */
const failureIn = (folder: string, test: string): string | undefined => {
  const report = join(folder, "report.json")
  rmSync(report, { force: true })
  const [file = "", ...names] = test.split(": ")
  const { error, status } = spawnSync(
    process.execPath,
    [
      join(root, "node_modules/vitest/vitest.mjs"),
      ...["run", "--project", "unit", "--bail", "1", file],
      ...(names.length === 0 ? [] : ["-t", names.join(": ")])
    ],
    { cwd: folder, env: { ...process.env, TEST_REPORT: report }, stdio: "ignore", timeout: timeoutMillis }
  )
  if (error !== undefined) return `${test}: ${error.message}`
  if (!existsSync(report)) throw new Error(`${test}: it was ended before it had a result`)
  if (status === 0) return undefined
  const { testResults }: Report = JSON.parse(readFileSync(report, "utf8"))
  for (const { assertionResults, message, name, status } of testResults) {
    const file = name.slice(folder.length + 1)
    const failed = assertionResults.find((one) => one.status === "failed")
    if (failed !== undefined) return `${file}: ${failed.fullName}`
    if (status === "failed") return `${file}: ${message.split("\n")[0]}`
  }
  return `${test}: exit code ${status}`
}

const row = (...cells: ReadonlyArray<string>): void => {
  process.stdout.write(`| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`)
}

/** What became of a mutation: true if a test failed. */
const tried = (folder: string, mutant: Mutant): boolean => {
  const sources = Mutate.sourcesIn(root)
  const mutated = Mutate.apply(sources, mutant)
  if ("wrong" in mutated) {
    row(mutant.law, mutant.mutation, `**does not apply**: ${mutated.wrong}`)
    return false
  }
  writeFileSync(join(folder, mutated.path), mutated.text)
  let caught: string | undefined
  for (const test of mutant.tests) caught ??= failureIn(folder, test)
  writeFileSync(join(folder, mutated.path), readFileSync(join(root, mutated.path)))
  row(mutant.law, mutant.mutation, caught ?? `**survived** ${mutant.tests.join(", ")}`)
  return caught !== undefined
}

const usage = `Breaks a law in a copy of src, one at a time, and shows which test catches it.

npm run mutants [-- --only TEXT]..

  --only TEXT     laws and mutations with this in their words; more than once for more of them

Exit code 0 if all were caught, 1 if one survived, applies no longer, or the tests fail without any.
`

const refuse = (message: string): never => {
  process.stderr.write(`mutants: ${message}\n`)
  process.exit(1)
}

const asked = () => {
  try {
    return parseArgs({
      options: { only: { type: "string", multiple: true, default: [] }, help: { type: "boolean", default: false } }
    }).values
  } catch (error) {
    return refuse(`${lineOf(error)} (--help says more)`)
  }
}

const values = asked()
if (values.help) {
  process.stdout.write(usage)
  process.exit()
}
const chosen = mutants.filter(
  ({ law, mutation }) => values.only.length === 0 || values.only.some((text) => `${law}, ${mutation}`.includes(text))
)
const folder = mkdtempSync(join(tmpdir(), "grinta-mutants-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1))
for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true })
symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))

const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))]
if (chosen.length === 0) refuse("nothing has that in its name")
for (const test of tests) {
  const failure = failureIn(folder, test)
  if (failure !== undefined) refuse(`without a mutation: ${failure}`)
}
row("law", "mutation", "caught by")
row("---", "---", "---")
const caught = chosen.filter((mutant) => tried(folder, mutant)).length
process.stdout.write(`\n${caught} of ${chosen.length} mutations were caught\n`)
process.exit(caught === chosen.length ? 0 : 1)
