/**
 * Structs as tables: a table lists the fields of a struct, and one reader and one writer serve all tables.
 *
 * Shape: a msgpack map with string keys or, in the reader only, an array in declaration order. The writer sorts the keys,
 * as the reference does. The reader skips unknown fields; of a repeated field the last value counts.
 * Source: memberlist-wire.md, sections 3, 4 and 18.
 */
import * as Cursor from "./MsgpackCursor.ts"
import * as Reader from "./MsgpackReader.ts"
import * as Writer from "./MsgpackWriter.ts"

/**
 * Why well-formed values are refused.
 *
 * "name": empty, too long or not UTF-8. "address": not 4 or 16 bytes. "meta": too long. "state": unknown. "versions": not
 * six bytes.
 */
export type Fault = "name" | "address" | "meta" | "state" | "versions"

/** Which reason a struct with several ranking is refused for: the first of these. */
const ranking: ReadonlyArray<Fault> = ["name", "address", "meta", "state", "versions"]

/**
 * How a field may be missing.
 *
 * "required": the reader refuses a struct in which the field is missing, and most forms an empty value. "default": the field
 * then has its initial value. "optional": as "default", and the writer leaves out an empty value.
 */
export type Presence = "required" | "default" | "optional"

/** A field; `R` is why its values may be refused, undefined for never. */
export interface Field<A, R extends Fault | undefined = undefined> {
  readonly name: string
  readonly presence: Presence
  readonly fault: R
  readonly initial: A
  /** Returns undefined for a fault. */
  read(cursor: Cursor.Cursor): A | undefined
  write(writer: Writer.Writer, value: A): void
}

type AnyField = Field<unknown, Fault | undefined>

type Values<Fields extends ReadonlyArray<AnyField>> = { -readonly [At in keyof Fields]: Fields[At]["initial"] }

interface Column extends AnyField {
  /** The place of the field in the declaration. */
  readonly place: number
  /** The bit of the field among the faults of a struct. */
  readonly bit: number
}

/** Structs of type `A`, which are refused for `R`. */
export interface Table<A, R extends Fault | undefined> {
  readonly shape: Reader.Shape
  /** In the order of the names. */
  readonly columns: ReadonlyArray<Column>
  /** In the order of declaration, as all values. */
  readonly initial: ReadonlyArray<unknown>
  /** In the order of the bits, which is that of `ranking`. */
  readonly reasons: ReadonlyArray<R>
  /** The bits of the required fields. */
  readonly required: number
  make(...values: ReadonlyArray<unknown>): A
  /** Returns the values that `make` takes. */
  valuesOf(struct: A): ReadonlyArray<unknown>
}

const rank = ({ fault }: AnyField): number => (fault === undefined ? ranking.length : ranking.indexOf(fault))

/** Makes a table of at most 15 fields, in the order of declaration in the reference. */
export const table = <const Fields extends ReadonlyArray<AnyField>, A>(
  fields: Fields,
  make: (...values: Values<Fields>) => A,
  valuesOf: (struct: A) => readonly [...Values<Fields>]
): Table<A, Fields[number]["fault"]> => {
  const ranked: ReadonlyArray<Fields[number]> = fields.toSorted((a, b) => rank(a) - rank(b))
  const columns = fields
    .map((field, place) => ({ ...field, place, bit: 1 << ranked.indexOf(field) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    shape: Reader.shape(fields.map(({ name }) => name)),
    columns,
    initial: fields.map(({ initial }) => initial),
    reasons: ranked.map(({ fault }) => fault),
    required: columns.reduce((bits, { bit, presence }) => (presence === "required" ? bits | bit : bits), 0),
    make,
    valuesOf
  }
}

/** Reads a struct; returns why it is refused, if it is. */
export const read = <A, R extends Fault | undefined>(
  cursor: Cursor.Cursor,
  table: Table<A, R>
): A | NonNullable<R> | "truncated" | "malformed" => {
  const values = table.initial.slice()
  let faults = table.required
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    const column = table.columns[Reader.readField(cursor, table.shape)]
    if (column === undefined) {
      Cursor.skip(cursor)
      continue
    }
    const value = column.read(cursor)
    values[column.place] = value
    faults = value === undefined ? faults | column.bit : faults & ~column.bit
  }
  if (cursor.status !== "ok") return cursor.status
  return faults === 0 ? table.make(...values) : (table.reasons[31 - Math.clz32(faults & -faults)] ?? "malformed")
}

const isEmpty = (value: unknown): boolean =>
  value instanceof Uint8Array ? value.length === 0 : value === "" || value === 0

/** Appends a struct. */
export const write = <A>(
  writer: Writer.Writer,
  { columns, valuesOf }: Table<A, Fault | undefined>,
  struct: A
): void => {
  const values = valuesOf(struct)
  const start = writer.length
  Writer.writeStruct(writer, columns.length)
  let left = columns.length
  for (const { name, place, presence, write } of columns) {
    const value = values[place]
    if (presence === "optional" && isEmpty(value)) left -= 1
    else {
      Writer.writeField(writer, name)
      write(writer, value)
    }
  }
  Writer.setStruct(writer, start, left)
}
