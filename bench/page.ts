/**
 * Writes the tables of docs/performance.md and its plots from the figures of a run.
 *
 * Usage: npm run bench:page -- FILE, where FILE is what `npm run bench -- --json FILE` wrote. What the file does not have
 * stays as it is, but the targets are judged from this one file.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { Result } from "effect"
import * as Plot from "./Plot.ts"
import { conditions, insert, linesOf, mustShow, table } from "./Report.ts"
import { fromJson, type Run } from "./Run.ts"

const page = "docs/performance.md"
const plots = "docs/performance"

const refuse = (message: string): never => {
  process.stderr.write(`bench:page: ${message}\n`)
  process.exit(1)
}

const read = (file: string): Run => {
  let text = ""
  try {
    text = readFileSync(file, "utf8")
  } catch {
    return refuse(`cannot read "${file}"`)
  }
  const run = fromJson(text)
  return Result.isSuccess(run) ? run.success : refuse(`"${file}" holds no run of the bench`)
}

const [file, ...others] = process.argv.slice(2)
if (file === undefined || others.length > 0) refuse("say the one file that the bench has written")
const run = read(file ?? "")

let content = insert(readFileSync(page, "utf8"), "conditions", conditions(run))
content = insert(content, "targets", mustShow(run))
mkdirSync(plots, { recursive: true })
for (const figure of run.figures) {
  const lines = linesOf(run, figure)
  if (lines.length === 0) continue
  const name = figure.name.replaceAll(" ", "-")
  writeFileSync(`${plots}/${name}.svg`, Plot.svg(figure, lines))
  content = insert(content, name, `${table(run, figure)}\n\n![${figure.title}](performance/${name}.svg)`)
}
writeFileSync(page, content)
process.stdout.write(`${mustShow(run)}\n`)
