/** The table of attacks in the documentation: what each did before its cure, and what it does now. */
import type { Row } from "./Kept.ts"

export const page = "docs/security.md"
export const beforeFile = "docs/security/attacks-before.json"
export const nowFile = "docs/security/attacks.json"

const begin = "<!-- attacks -->"
const end = "<!-- /attacks -->"

const percent = (row: Row | undefined): string => (row === undefined ? "" : `${Math.round(100 * row.good)} %`)
const turn = (row: Row | undefined): string =>
  row === undefined ? "" : row.turnMillis < 0 ? "ended" : `${Math.round(row.turnMillis)}`
const memory = (row: Row | undefined): string => (row === undefined ? "" : `${row.rssMiB}`)
const bytes = (row: Row | undefined): string =>
  row === undefined || row.amplification < 0 ? "" : `${row.amplification}`

const answer = ({ closed, counted, refused }: Row): string =>
  [
    ...(closed > 0 ? [`${closed} closed`] : []),
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...(counted > 0 ? [`${counted} counted`] : [])
  ].join(", ")

const verdict = ({ misses }: Row): string => (misses.length === 0 ? "held" : `**MISSED**: ${misses.join("; ")}`)

const rowOf = (now: Row, before: Row | undefined): string => {
  const fabric = now.isSealed ? "keys, TLS" : "plaintext"
  const pairs = [percent, turn, memory, bytes].map((show) => {
    const [was, is] = [show(before), show(now)]
    return was === "" ? is : `${was}, now ${is}`
  })
  return `| ${now.name} | ${now.says} | ${now.by} | ${fabric} | ${pairs.join(" | ")} | ${answer(now)} | ${verdict(now)} |`
}

/** The rows of now, each beside the one of before if there was one. */
export const table = (rows: ReadonlyArray<Row>, before: ReadonlyArray<Row>): string =>
  [
    "| attack | what | by | fabric | good | turn, ms | RSS, MiB | bytes for one | attacker | now |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) =>
      rowOf(
        row,
        before.find(({ isSealed, name }) => name === row.name && isSealed === row.isSealed)
      )
    )
  ].join("\n")

/** The text with a table in place of what is between its markers; undefined if it has none. */
export const insert = (text: string, body: string): string | undefined => {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  return from === -1 || to < from ? undefined : `${text.slice(0, from + begin.length)}\n\n${body}\n\n${text.slice(to)}`
}
