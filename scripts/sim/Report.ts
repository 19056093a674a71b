/** What experiments find, and how that becomes text. */

/** How much an experiment does: for a test or a glance; the documented default; all of the published set-up. */
export type Extent = "quick" | "subset" | "full"

export interface Row {
  readonly what: string
  /** The published figure, or the bound that is set for us. */
  readonly published: number | undefined
  readonly ours: number
  readonly digits?: number
  readonly unit?: string
  /** Whether the criterion of this row holds; undefined where there is none. */
  readonly holds?: boolean
  readonly note?: string
}

export type Tell = (done: number, of: number) => void

export interface Experiment {
  readonly id: string
  readonly title: string
  /** When a row holds. */
  readonly criterion: string
  /** The page of docs/ that shows its table: membership unless said otherwise. */
  readonly page?: "membership" | "names"
  readonly run: (extent: Extent, tell: Tell) => ReadonlyArray<Row>
}

export const pageOf = ({ page = "membership" }: Experiment): string => `docs/${page}.md`

const number = (value: number | undefined, digits: number): string =>
  value === undefined || !Number.isFinite(value) ? "" : value.toFixed(digits)

const verdict = (holds: boolean | undefined): string => (holds === undefined ? "" : holds ? "yes" : "**no**")

export const table = (rows: ReadonlyArray<Row>): string => {
  const lines = rows.map(({ digits = 2, holds, note = "", ours, published, unit = "", what }) => {
    const ratio = published === undefined || published === 0 ? "" : (ours / published).toFixed(2)
    return `| ${what} | ${number(published, digits)} | ${number(ours, digits)} | ${unit} | ${ratio} | ${verdict(holds)} | ${note} |`
  })
  return [
    "| what | published | ours | unit | ratio | holds | note |",
    "| --- | ---: | ---: | --- | ---: | --- | --- |",
    ...lines
  ].join("\n")
}

/** The same for a terminal: columns in line. */
export const columns = (rows: ReadonlyArray<Row>): string => {
  const cells = table(rows)
    .split("\n")
    .filter((_, index) => index !== 1)
    .map((line) => line.slice(2, -2).split(" | "))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)))
  return cells
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}

/** Puts a table between its markers; a page without them gets a section at its end. */
export const insert = (
  page: string,
  { criterion, id, title }: Experiment,
  rows: ReadonlyArray<Row>,
  how: string
): string => {
  const begin = `<!-- ${id} -->`
  const end = `<!-- /${id} -->`
  const body = `${begin}\n\n${criterion} ${how}\n\n${table(rows)}\n\n${end}`
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from === -1 || to === -1) return `${page.trimEnd()}\n\n### ${id}: ${title}\n\n${body}\n`
  return page.slice(0, from) + body + page.slice(to + end.length)
}
