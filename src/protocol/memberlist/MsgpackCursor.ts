/**
 * A cursor over msgpack bytes, complete or still growing.
 *
 * `status` is "truncated" when more bytes could help and "malformed" when none could. After a failure every read
 * returns a zero value, so a decoder checks once, at the end. A cursor belongs to one decoder and is changed in place,
 * which keeps the packet path free of allocation.
 *
 * Limits: one struct holds at most {@link valuesMax} values, nested at most {@link depthMax} deep; nothing is allocated
 * from a declared length before the bytes have come.
 * Source: memberlist-wire.md, section 3.2.
 */

/** Values (fields, elements and skipped values) that one struct may hold. */
export const valuesMax = 4096

/** Nesting of containers in a skipped value. */
export const depthMax = 32

export interface Cursor {
  readonly bytes: Uint8Array
  readonly end: number
  offset: number
  status: "ok" | "truncated" | "malformed"
  /** When truncated: the offset that the bytes must reach before the next try. */
  needed: number
  valuesLeft: number
  /** Whether the struct being read is an array. */
  positional: boolean
  /** Index of the field to expect next: in sorted order in a map, in declaration order in an array. */
  expected: number
}

export const make = (bytes: Uint8Array, start: number, end: number): Cursor => ({
  bytes,
  end,
  offset: start,
  status: "ok",
  needed: 0,
  valuesLeft: valuesMax,
  positional: false,
  expected: 0
})

/** Marks the cursor as malformed, unless it has failed already; returns 0, for the caller to return. */
export const malformed = (cursor: Cursor): number => {
  if (cursor.status === "ok") cursor.status = "malformed"
  return 0
}

/** Counts `count` values against `valuesMax`. */
export const spend = (cursor: Cursor, count: number): void => {
  cursor.valuesLeft -= count
  if (cursor.valuesLeft < 0) malformed(cursor)
}

/** Moves past `length` bytes and returns their offset; -1 when they have not all come. */
export const take = (cursor: Cursor, length: number): number => {
  const start = cursor.offset
  if (cursor.status !== "ok") return -1
  if (length > cursor.end - start) {
    cursor.status = "truncated"
    cursor.needed = start + length
    return -1
  }
  cursor.offset = start + length
  return start
}

/** Reads a big-endian unsigned number of 1, 2 or 4 bytes. */
export const takeNumber = (cursor: Cursor, width: number): number => {
  const start = take(cursor, width)
  if (start < 0) return 0
  let value = 0
  for (let i = start; i < start + width; i++) value = ((value << 8) | (cursor.bytes[i] ?? 0)) >>> 0
  return value
}

/** Reads a tag byte; 0 once the cursor has failed. */
export const takeTag = (cursor: Cursor): number => {
  const start = take(cursor, 1)
  return start < 0 ? 0 : (cursor.bytes[start] ?? 0)
}

/** Returns the next byte without moving; 0 at the end. */
export const peek = (cursor: Cursor): number => (cursor.offset < cursor.end ? (cursor.bytes[cursor.offset] ?? 0) : 0)

/** Returns the bytes after the tag `first` of a scalar; -1 for a container, -2 for a tag that msgpack does not have. */
const scalarLength = (cursor: Cursor, first: number): number => {
  if (first < 0x80 || first >= 0xe0) return 0
  if (first < 0xa0) return -1
  if (first < 0xc0) return first & 0x1f
  switch (first) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return 0
    case 0xc4:
    case 0xd9:
      return takeNumber(cursor, 1)
    case 0xc5:
    case 0xda:
      return takeNumber(cursor, 2)
    case 0xc6:
    case 0xdb:
      return takeNumber(cursor, 4)
    case 0xc7:
      return takeNumber(cursor, 1) + 1
    case 0xc8:
      return takeNumber(cursor, 2) + 1
    case 0xc9:
      return takeNumber(cursor, 4) + 1
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8
    case 0xcc:
    case 0xd0:
      return 1
    case 0xcd:
    case 0xd1:
      return 2
    case 0xc1:
      return -2
    default:
      return first <= 0xd8 ? 1 + (1 << (first - 0xd4)) : -1
  }
}

/** Returns the number of values in the container with the tag `first`: a map entry counts as two. */
const containedValues = (cursor: Cursor, first: number): number => {
  switch (first) {
    case 0xdc:
      return takeNumber(cursor, 2)
    case 0xdd:
      return takeNumber(cursor, 4)
    case 0xde:
      return takeNumber(cursor, 2) * 2
    case 0xdf:
      return takeNumber(cursor, 4) * 2
    default:
      return first < 0x90 ? (first & 0x0f) * 2 : first & 0x0f
  }
}

/** Moves past one value of any kind, for unknown fields. */
export const skip = (cursor: Cursor, depth = 0): void => {
  const first = takeTag(cursor)
  const length = scalarLength(cursor, first)
  if (length >= 0) {
    take(cursor, length)
  } else if (length === -2 || depth >= depthMax) {
    malformed(cursor)
  } else {
    const count = containedValues(cursor, first)
    spend(cursor, count)
    for (let left = count; left > 0 && cursor.status === "ok"; left--) skip(cursor, depth + 1)
  }
}
