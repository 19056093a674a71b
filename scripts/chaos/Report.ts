/** A run in words, or in JSON. */
import * as Notes from "../../test/net/Notes.ts"
import type { Options, Result } from "./Chaos.ts"
import type { Entry } from "./Field.ts"
import type { Violation } from "./Judge.ts"

/** How many violations are printed, and with how much of what happened. */
const printedMax = 20
const linesMax = 60
const beforeMillis = 15_000
const afterMillis = 5_000

const list = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, times]) => `${times} ${name}`).join(", ")

const groundOf = ({ isOnLoopback }: Options): string =>
  isOnLoopback ? "on loopback, where nothing comes between hosts" : "in namespaces"

export const heading = (options: Options): string =>
  `${options.hosts} hosts ${groundOf(options)}, ${options.minutes} minutes, seed ${options.seed}\n`

/** What both sides noted of an exchange. */
const notesOf = (folder: string, life: string, exchange: string): ReadonlyArray<string> => {
  const notes = Notes.read(`${folder}/${life}.jsonl`)
  const runs = new Set(notes.flatMap((note) => (note.note === "start" && note.exchange === exchange ? [note.run] : [])))
  return notes
    .filter((note) => ("run" in note ? runs.has(note.run) : "exchange" in note && note.exchange === exchange))
    .map((note) => JSON.stringify(note))
}

const shorten = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (lines.length <= linesMax) return lines
  const half = linesMax / 2
  return [...lines.slice(0, half), `.. ${lines.length - linesMax} lines ..`, ...lines.slice(-half)]
}

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : [`  ${title}:`, ...shorten(lines).map((line) => `    ${line}`)]

const detailsOf = ({ folder, logs, startedAt, timeline }: Result, violation: Violation): ReadonlyArray<string> => {
  const { exchange, lives, span } = violation
  const isNear = ({ at }: Entry) =>
    span === undefined || (at >= span.from - beforeMillis && at <= span.to + afterMillis)
  const lineOf = ({ at, what }: Entry) => `${((at - startedAt) / 1000).toFixed(3)} s ${what}`
  const names = [...new Set(lives)]
  return [
    `${violation.law}: ${violation.text}`,
    ...section("what happened", timeline.filter(isNear).map(lineOf)),
    ...names.flatMap((name) => [
      ...(folder === undefined || exchange === undefined
        ? []
        : section(`journal of ${name}`, notesOf(folder, name, exchange))),
      ...section(`log of ${name}`, (logs.get(name) ?? []).filter(isNear).map(lineOf))
    ]),
    ""
  ]
}

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

export const text = (options: Options, result: Result): string => {
  const { begun, failures, faults, left, messages, violations, well } = result
  const total = [...faults.values()].reduce((sum, times) => sum + times, 0)
  return [
    `${total} faults: ${list(faults)}`,
    `${begun} exchanges began: ${well} ended well, ${left} were left, with ${messages} messages there and back`,
    `failed by their types: ${list(failures) || "none"}`,
    `longest connect ${seconds(result.connectMillisMax)}, exchange ${seconds(result.exchangeMillisMax)}, news of a kill ${seconds(result.toldMillisMax)}`,
    `healed ${seconds(result.convergedMillis)} after the last fault`,
    `${violations.length} violations`,
    ...violations.slice(0, printedMax).flatMap((violation) => ["", ...detailsOf(result, violation)]),
    ...(violations.length > printedMax ? [`.. and ${violations.length - printedMax} more`] : []),
    ...(result.folder === undefined
      ? []
      : [`seed ${options.seed}; all journals and logs of this run are in ${result.folder}`]),
    ""
  ].join("\n")
}

export const json = (options: Options, result: Result): string => {
  const { failures, faults, logs, timeline, violations, ...numbers } = result
  const { hosts, isOnLoopback, minutes, seed } = options
  const said = violations.map((violation) => ({ ...violation, details: detailsOf(result, violation) }))
  return `${JSON.stringify({
    ...{ hosts, isOnLoopback, minutes, seed, ...numbers },
    faults: Object.fromEntries(faults),
    failures: Object.fromEntries(failures),
    violations: said,
    ...(violations.length === 0 ? {} : { timeline })
  })}\n`
}
