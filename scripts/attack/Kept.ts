/** Figures in brief, as they are kept in a file and shown in the documentation. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { Schema } from "effect"
import { countedOf, type Figures, goodOf, missesOf } from "./Verdict.ts"

export const Row = Schema.Struct({
  name: Schema.String,
  says: Schema.String,
  by: Schema.String,
  isSealed: Schema.Boolean,
  /** Share of the control. */
  good: Schema.Number,
  /** -1 where the process did not live to tell. */
  turnMillis: Schema.Number,
  rssMiB: Schema.Number,
  closed: Schema.Number,
  refused: Schema.Number,
  counted: Schema.Number,
  /** Bytes for each byte of a datagram; -1 where it is no reflection. */
  amplification: Schema.Number,
  misses: Schema.Array(Schema.String)
})
export type Row = typeof Row.Type

const Rows = Schema.fromJsonString(Schema.Array(Row))

const tenth = (value: number): number => (Number.isFinite(value) ? Math.round(value * 10) / 10 : -1)

export const rowOf = (figures: Figures): Row => ({
  ...{ name: figures.name, says: figures.says, by: figures.by, isSealed: figures.isSealed },
  good: Math.round(100 * goodOf(figures)) / 100,
  turnMillis: tenth(figures.turnMillis),
  rssMiB: Math.round(figures.rssPeakBytes / 2 ** 20),
  closed: figures.closed,
  refused: figures.streamsRefused,
  counted: countedOf(figures),
  amplification: figures.amplification === undefined ? -1 : tenth(figures.amplification),
  misses: missesOf(figures)
})

export const read = (file: string): ReadonlyArray<Row> =>
  existsSync(file) ? Schema.decodeUnknownSync(Rows)(readFileSync(file, "utf8")) : []

const isSame = (a: Row, b: Row): boolean => a.name === b.name && a.isSealed === b.isSealed

/** Puts rows in the place of older ones of the same attack; a row to a line. */
export const keep = (file: string, rows: ReadonlyArray<Row>): void => {
  const old = read(file)
  const kept = old.map((one) => rows.findLast((row) => isSame(row, one)) ?? one)
  const all = [...kept, ...rows.filter((row) => !old.some((one) => isSame(row, one)))]
  writeFileSync(file, `[\n${all.map((row) => JSON.stringify(row)).join(",\n")}\n]\n`)
}
