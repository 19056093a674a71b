/**
 * Writes msgpack in the old profile that every memberlist peer reads: raw strings only, never str8, bin or ext.
 *
 * Callers write the fields of a struct in sorted order, which makes the bytes equal to the reference's. Signed fields
 * above 127 take the signed forms of go-msgpack v2.
 * Source: memberlist-wire.md, section 3.1.
 */

/** A growing buffer with one owner, changed in place. */
export interface Writer {
  bytes: Uint8Array
  length: number
}

const keptBytesMax = 65_536

const encoder = new TextEncoder()

export const make = (capacityBytes = 192): Writer => ({ bytes: new Uint8Array(capacityBytes), length: 0 })

/** Empties the writer; a buffer that grew beyond 64 KiB is replaced by one of 64 KiB. */
export const clear = (writer: Writer): void => {
  if (writer.bytes.length > keptBytesMax) writer.bytes = new Uint8Array(keptBytesMax)
  writer.length = 0
}

/** Returns a copy of the written bytes. */
export const finish = (writer: Writer): Uint8Array => writer.bytes.slice(0, writer.length)

/** Makes room for `count` more bytes and returns their offset. May replace `bytes`, so read `bytes` after the call. */
const reserve = (writer: Writer, count: number): number => {
  const start = writer.length
  const length = start + count
  if (length > writer.bytes.length) {
    const grown = new Uint8Array(Math.max(length, writer.bytes.length * 2))
    grown.set(writer.bytes.subarray(0, start))
    writer.bytes = grown
  }
  writer.length = length
  return start
}

/** Writes one tag byte, then `value` big-endian in `width` bytes. */
const writeTagged = (writer: Writer, tag: number, value: number, width: number): void => {
  const start = reserve(writer, width + 1)
  writer.bytes[start] = tag
  for (let i = 0; i < width; i++) writer.bytes[start + width - i] = (value >>> (8 * i)) & 0xff
}

export const writeByte = (writer: Writer, byte: number): void => {
  const start = reserve(writer, 1)
  writer.bytes[start] = byte
}

/** Writes bytes without a header. */
export const writeRaw = (writer: Writer, bytes: Uint8Array): void => {
  const start = reserve(writer, bytes.length)
  writer.bytes.set(bytes, start)
}

/** Writes the header of a struct of at most 15 fields. */
export const writeStruct = (writer: Writer, fields: number): void => writeByte(writer, 0x80 | fields)

/** Changes the number of fields in the header at `start`. */
export const setStruct = (writer: Writer, start: number, fields: number): void => {
  writer.bytes[start] = 0x80 | fields
}

/** Writes the name of a field: ASCII, shorter than 32 bytes. */
export const writeField = (writer: Writer, name: string): void => {
  const start = reserve(writer, name.length + 1)
  writer.bytes[start] = 0xa0 | name.length
  for (let i = 0; i < name.length; i++) writer.bytes[start + 1 + i] = name.charCodeAt(i)
}

export const writeBoolean = (writer: Writer, value: boolean): void => writeByte(writer, value ? 0xc3 : 0xc2)

/** Writes an unsigned field, modulo 2^32. */
export const writeUnsigned = (writer: Writer, value: number): void => {
  const unsigned = value >>> 0
  if (unsigned < 0x80) writeByte(writer, unsigned)
  else if (unsigned < 0x100) writeTagged(writer, 0xcc, unsigned, 1)
  else if (unsigned < 0x1_0000) writeTagged(writer, 0xcd, unsigned, 2)
  else writeTagged(writer, 0xce, unsigned, 4)
}

/** Writes a signed field of 0 to 2^31 - 1. */
export const writeSigned = (writer: Writer, value: number): void => {
  if (value < 0x80) writeByte(writer, value)
  else if (value < 0x8000) writeTagged(writer, 0xd1, value, 2)
  else writeTagged(writer, 0xd2, value, 4)
}

const writeRawHeader = (writer: Writer, length: number): void => {
  if (length < 0x20) writeByte(writer, 0xa0 | length)
  else if (length < 0x1_0000) writeTagged(writer, 0xda, length, 2)
  else writeTagged(writer, 0xdb, length, 4)
}

/** Writes a byte array; an empty array as nil, which receivers take for the same. */
export const writeBytes = (writer: Writer, bytes: Uint8Array): void => {
  if (bytes.length === 0) {
    writeByte(writer, 0xc0)
  } else {
    writeRawHeader(writer, bytes.length)
    writeRaw(writer, bytes)
  }
}

/** Writes a string as UTF-8; a lone surrogate becomes U+FFFD. */
export const writeString = (writer: Writer, text: string): void => {
  const header = writer.length
  if (text.length < 0x20) {
    const start = reserve(writer, text.length + 1)
    writer.bytes[start] = 0xa0 | text.length
    let i = 0
    for (; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) break
      writer.bytes[start + 1 + i] = code
    }
    if (i === text.length) return
    writer.length = header
  }
  const bytes = encoder.encode(text)
  writeRawHeader(writer, bytes.length)
  writeRaw(writer, bytes)
}
