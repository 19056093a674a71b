/** Rows of a markdown table as they come: whoever watches sees each when it is there. */
export interface Table {
  readonly row: (...cells: ReadonlyArray<string | number>) => void
}

const line = (cells: ReadonlyArray<string | number>): string => `| ${cells.join(" | ")} |\n`

/** A column whose name ends in ":" has numbers. */
export const begin = (...columns: ReadonlyArray<string>): Table => {
  process.stdout.write(line(columns.map((column) => column.replace(/:$/, ""))))
  process.stdout.write(line(columns.map((column) => (column.endsWith(":") ? "---:" : "---"))))
  return { row: (...cells) => process.stdout.write(line(cells)) }
}

/** Three digits. */
export const number = (value: number): string => {
  if (!Number.isFinite(value)) return ""
  return Math.abs(value) >= 100 ? value.toFixed(0) : Number(value.toPrecision(3)).toString()
}
