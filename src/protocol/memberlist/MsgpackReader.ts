/**
 * Reads msgpack structs as memberlist peers write them: maps with string keys, or arrays in declaration order.
 *
 * No function fails: check the cursor's `status` once the struct is read.
 * Source: memberlist-wire.md, section 3.2.
 */
import { Result } from "effect"
import * as Cursor from "./MsgpackCursor.ts"

/** The names of the fields of a struct, sorted and encoded with their headers; and the place of each declared field. */
export interface Shape {
  readonly keys: ReadonlyArray<Uint8Array>
  readonly places: ReadonlyArray<number>
}

const empty = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Makes the shape of a struct; `declared` is the order of declaration in the reference. Names are shorter than 32 bytes. */
export const shape = (declared: ReadonlyArray<string>): Shape => {
  const sorted = declared.toSorted()
  return {
    keys: sorted.map((name) => encoder.encode(`\0${name}`).with(0, 0xa0 | name.length)),
    places: declared.map((name) => sorted.indexOf(name))
  }
}

const structLength = (cursor: Cursor.Cursor, first: number): number => {
  if ((first & 0xe0) === 0x80) return first & 0x0f
  switch (first) {
    case 0xc0:
      return 0
    case 0xdc:
    case 0xde:
      return Cursor.takeNumber(cursor, 2)
    case 0xdd:
    case 0xdf:
      return Cursor.takeNumber(cursor, 4)
    default:
      return Cursor.malformed(cursor)
  }
}

const isArray = (first: number): boolean => (first & 0xf0) === 0x90 || first === 0xdc || first === 0xdd

/** Reads the header of a struct; returns the number of its entries. */
export const readStruct = (cursor: Cursor.Cursor): number => {
  const first = Cursor.takeTag(cursor)
  const length = structLength(cursor, first)
  cursor.positional = isArray(first)
  cursor.expected = 0
  return length <= cursor.valuesLeft ? length : Cursor.malformed(cursor)
}

/** Reads the header of a string or byte array, of any form; returns its length in bytes. */
const rawLength = (cursor: Cursor.Cursor): number => {
  const first = Cursor.takeTag(cursor)
  if ((first & 0xe0) === 0xa0) return first & 0x1f
  switch (first) {
    case 0xc4:
    case 0xd9:
      return Cursor.takeNumber(cursor, 1)
    case 0xc5:
    case 0xda:
      return Cursor.takeNumber(cursor, 2)
    case 0xc6:
    case 0xdb:
      return Cursor.takeNumber(cursor, 4)
    default:
      return Cursor.malformed(cursor)
  }
}

/** Whether the bytes at `start` are those of `key`, from its byte `from` on. */
const matches = (bytes: Uint8Array, start: number, key: Uint8Array, from: number): boolean => {
  for (let i = from; i < key.length; i++) if (bytes[start + i] !== key[i]) return false
  return true
}

/** Reads the name of the next field; returns its place in `keys`, -1 for another name, whose value the caller skips. */
export const readField = (cursor: Cursor.Cursor, { keys, places }: Shape): number => {
  Cursor.spend(cursor, 1)
  if (cursor.positional) {
    const place = places[cursor.expected] ?? -1
    cursor.expected += 1
    return place
  }
  const next = keys[cursor.expected]
  if (
    next !== undefined &&
    next.length <= cursor.end - cursor.offset &&
    matches(cursor.bytes, cursor.offset, next, 0)
  ) {
    cursor.offset += next.length
    cursor.expected += 1
    return cursor.expected - 1
  }
  const length = rawLength(cursor)
  const start = Cursor.take(cursor, length)
  if (start < 0) return -1
  const place = keys.findIndex((key) => key.length === length + 1 && matches(cursor.bytes, start - 1, key, 1))
  if (place >= 0) cursor.expected = place + 1
  return place
}

const integer64 = (cursor: Cursor.Cursor, signed: boolean): number => {
  const high = Cursor.takeNumber(cursor, 4)
  const low = Cursor.takeNumber(cursor, 4)
  return (signed ? high | 0 : high) * 0x1_0000_0000 + low
}

/** Reads an integer of any form; beyond 2^53 it is rounded. */
export const readInteger = (cursor: Cursor.Cursor): number => {
  const first = Cursor.takeTag(cursor)
  if (first < 0x80) return first
  if (first >= 0xe0) return first - 0x100
  switch (first) {
    case 0xc0:
      return 0
    case 0xcc:
      return Cursor.takeNumber(cursor, 1)
    case 0xcd:
      return Cursor.takeNumber(cursor, 2)
    case 0xce:
      return Cursor.takeNumber(cursor, 4)
    case 0xcf:
      return integer64(cursor, false)
    case 0xd0:
      return (Cursor.takeNumber(cursor, 1) << 24) >> 24
    case 0xd1:
      return (Cursor.takeNumber(cursor, 2) << 16) >> 16
    case 0xd2:
      return Cursor.takeNumber(cursor, 4) | 0
    case 0xd3:
      return integer64(cursor, true)
    default:
      return Cursor.malformed(cursor)
  }
}

/** Reads an integer of 0 to `max`; anything else is malformed. */
export const readUnsigned = (cursor: Cursor.Cursor, max: number): number => {
  const value = readInteger(cursor)
  return value >= 0 && value <= max ? value : Cursor.malformed(cursor)
}

export const readBoolean = (cursor: Cursor.Cursor): boolean => {
  const first = Cursor.takeTag(cursor)
  if (first !== 0xc3 && first !== 0xc2 && first !== 0xc0 && first > 1) Cursor.malformed(cursor)
  return first === 0xc3 || first === 1
}

/** Reads a byte array written as an array of small integers. */
const readOctets = (cursor: Cursor.Cursor): Uint8Array => {
  const first = Cursor.takeTag(cursor)
  const count =
    first === 0xdc ? Cursor.takeNumber(cursor, 2) : first === 0xdd ? Cursor.takeNumber(cursor, 4) : first & 0x0f
  Cursor.spend(cursor, count)
  const octets = new Uint8Array(cursor.status === "ok" ? count : 0)
  for (let i = 0; i < octets.length; i++) octets[i] = readUnsigned(cursor, 0xff)
  return octets
}

/** Copies a range into a new array; `slice` of a Node Buffer would share the bytes. */
export const copy = (bytes: Uint8Array, start: number, end: number): Uint8Array => {
  if (end - start > 16) return new Uint8Array(bytes.subarray(start, end))
  const copied = new Uint8Array(end - start)
  for (let i = 0; i < copied.length; i++) copied[i] = bytes[start + i] ?? 0
  return copied
}

/** Reads a string or byte array as a view that shares the cursor's bytes; nil is empty. */
export const readView = (cursor: Cursor.Cursor): Uint8Array => {
  const first = Cursor.peek(cursor)
  if (first === 0xc0) {
    Cursor.take(cursor, 1)
    return empty
  }
  if (isArray(first)) return readOctets(cursor)
  const length = rawLength(cursor)
  const start = Cursor.take(cursor, length)
  return start < 0 ? empty : cursor.bytes.subarray(start, start + length)
}

/** Reads a byte array as a copy; undefined when it is longer than `max` bytes. nil is empty. */
export const readBytes = (cursor: Cursor.Cursor, max: number): Uint8Array | undefined => {
  const first = Cursor.peek(cursor)
  if (first === 0xc0 || isArray(first)) {
    const octets = readView(cursor)
    return octets.length > max ? undefined : octets
  }
  const length = rawLength(cursor)
  const start = Cursor.take(cursor, length)
  if (start < 0) return empty
  return length > max ? undefined : copy(cursor.bytes, start, start + length)
}

/** Up to so many bytes `TextDecoder` takes longer. */
const shortBytesMax = 12

/** Decodes a few bytes of ASCII; undefined for any other. */
const readAscii = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  let text = ""
  let bits = 0
  let i = start
  for (; i <= end - 4; i += 4) {
    const a = bytes[i] ?? 0
    const b = bytes[i + 1] ?? 0
    const c = bytes[i + 2] ?? 0
    const d = bytes[i + 3] ?? 0
    bits |= a | b | c | d
    text += String.fromCharCode(a, b, c, d)
  }
  for (; i < end; i++) {
    const byte = bytes[i] ?? 0
    bits |= byte
    text += String.fromCharCode(byte)
  }
  return bits < 0x80 ? text : undefined
}

/** Decodes UTF-8 without replacement characters, which could make two names one; undefined when it is not valid. */
export const readText = (bytes: Uint8Array, start: number, end: number): string | undefined =>
  (end - start <= shortBytesMax ? readAscii(bytes, start, end) : undefined) ??
  Result.getOrUndefined(Result.try(() => decoder.decode(bytes.subarray(start, end))))

/** Reads a string; undefined when it is longer than `max` bytes or not valid UTF-8. nil is empty. */
export const readString = (cursor: Cursor.Cursor, max: number): string | undefined => {
  const first = Cursor.peek(cursor)
  if (first === 0xc0 || isArray(first)) {
    const octets = readView(cursor)
    return octets.length > max ? undefined : readText(octets, 0, octets.length)
  }
  const length = rawLength(cursor)
  const start = Cursor.take(cursor, length)
  if (start < 0) return ""
  return length > max ? undefined : readText(cursor.bytes, start, start + length)
}
