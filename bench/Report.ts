/** How a run becomes text. */
import type { Figure, Run } from "./Run.ts"
import { summary } from "./stats.ts"
import { judge, type Verdict } from "./Targets.ts"

/** Three digits, and separators in what is large. */
export const number = (value: number): string => {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US")
  return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString()
}

export interface Line {
  readonly candidate: string
  readonly median: number
  readonly min: number
  readonly max: number
  /** Its median against that of the first line, above 1 for better than it. */
  readonly ratio: number
}

/** The candidates of a figure as they were measured, grinta first. */
export const linesOf = (run: Run, figure: Figure): ReadonlyArray<Line> => {
  const results = run.results.filter((result) => result.figure === figure.name)
  const summaries = results.map(({ candidate, values }) => ({ candidate, ...summary(values) }))
  const first = summaries[0]?.median ?? Number.NaN
  return summaries.map((one) => ({
    ...one,
    ratio: figure.better === "higher" ? one.median / first : first / one.median
  }))
}

/** Candidates that were to have this figure, and whose measurement went wrong. A figure has the name of its row, or begins with it. */
const failedIn = ({ failed }: Run, { name }: Figure): ReadonlyArray<string> =>
  failed.filter(({ row }) => name === row || name.startsWith(`${row} `)).map(({ candidate }) => candidate)

const spread = ({ max, min }: Line): string => `${number(min)} .. ${number(max)}`

/** For a terminal. */
export const text = (run: Run, figure: Figure): string => {
  const lines = linesOf(run, figure).map(
    (line) =>
      `  ${line.candidate.padEnd(26)} ${number(line.median).padStart(11)}  [${spread(line)}]  ${line.ratio.toFixed(2)}x`
  )
  const failed = failedIn(run, figure).map((candidate) => `  ${candidate.padEnd(26)} ${"failed".padStart(11)}`)
  return [`${figure.name}: ${figure.title} (${figure.unit}, ${figure.better} is better)`, ...lines, ...failed].join(
    "\n"
  )
}

export const table = (run: Run, figure: Figure): string =>
  [
    `| ${figure.title} | ${figure.unit}, median | lowest .. highest | beside the first |`,
    "| --- | ---: | ---: | ---: |",
    ...linesOf(run, figure).map(
      (line) => `| ${line.candidate} | ${number(line.median)} | ${spread(line)} | ${line.ratio.toFixed(2)}x |`
    ),
    ...failedIn(run, figure).map((candidate) => `| ${candidate} | **failed** | | |`)
  ].join("\n")

const target = ({ bound, isAim, reference, sense, unit }: Verdict): string => {
  const sign = { "at least": "≥", "at most": "≤", below: "<" }[sense]
  const amount = reference?.by === "ratio" ? `${bound}x` : `${number(bound)} ${unit}`
  const beyond = reference?.by === "difference" ? " above" : ""
  return `${sign} ${amount}${beyond}${isAim === true ? " (aim)" : ""}`
}

const measured = ({ reference, unit, value }: Verdict): string => {
  if (value === undefined) return "not measured"
  return reference?.by === "ratio" ? `${value.toFixed(2)}x` : `${number(value)} ${unit}`
}

const answer = (holds: boolean | undefined): string => (holds === undefined ? "" : holds ? "yes" : "**no**")

/** Every target with its figure, met or not. */
export const mustShow = (run: Run): string =>
  [
    "| what | grinta | beside | its figure | measured | target | holds |",
    "| --- | ---: | --- | ---: | ---: | ---: | --- |",
    ...judge(run).map((verdict) => {
      const { holds, other, ours, what } = verdict
      const cells = [
        what,
        ours === undefined ? "" : number(ours),
        other?.candidate ?? verdict.reference?.candidate ?? ""
      ]
      const rest = [other === undefined ? "" : number(other.value), measured(verdict), target(verdict), answer(holds)]
      return `| ${[...cells, ...rest].join(" | ")} |`
    })
  ].join("\n")

export const conditions = ({ cores, failed, leftOut, load, node, repeats }: Run): string => {
  const lines = [
    `Conditions: Node ${node}, ${cores} cores shared with other work (load average ${load.toFixed(1)} when the run began), ` +
      `both processes on loopback, ${repeats} repeats, medians.`
  ]
  if (load >= cores)
    lines.push("The machine was busy: figures are low and far apart, and a target may hold or fail by chance.")
  for (const { name, why } of leftOut) lines.push(`Left out: ${name} (${why}).`)
  for (const { candidate, row, why } of failed) lines.push(`Failed: ${candidate} in ${row} (${why}).`)
  return lines.join("\n\n")
}

/** Puts text between its markers; a page without them gets it at its end. */
export const insert = (page: string, id: string, body: string): string => {
  const begin = `<!-- ${id} -->`
  const end = `<!-- /${id} -->`
  const block = `${begin}\n\n${body}\n\n${end}`
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from === -1 || to < from) return `${page.trimEnd()}\n\n${block}\n`
  return page.slice(0, from) + block + page.slice(to + end.length)
}
