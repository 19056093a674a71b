/**
 * How many fields protobuf has in some bytes, without making anything of them: each takes two bytes there, and fifty times as
 * many once it is an object.
 * Source: the protobuf encoding guide.
 */

/** What a field takes at least: its tag, and a value or a length. */
const fieldBytesMin = 2

/** Where the varint that begins at `at` ends. */
const afterVarint = (bytes: Uint8Array, at: number): number => {
  let end = at
  while ((bytes[end] ?? 0) >= 0x80) end += 1
  return end + 1
}

/** A varint of any length, as far as a length needs it. */
const varintAt = (bytes: Uint8Array, at: number): number => {
  let value = 0
  for (let end = at, factor = 1; ; end++, factor *= 128) {
    const byte = bytes[end] ?? 0
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}

/** Where the value of this wire type that begins at `at` ends. What is in a group stands in line with the rest. */
const afterValue = (bytes: Uint8Array, at: number, wireType: number): number => {
  switch (wireType) {
    case 0:
      return afterVarint(bytes, at)
    case 1:
      return at + 8
    case 2:
      return afterVarint(bytes, at) + varintAt(bytes, at)
    case 5:
      return at + 4
    default:
      return at
  }
}

/** Fields from `from` to `to`, and within those that have the tag `within`; it stops once they are more than `most`. */
const count = (bytes: Uint8Array, from: number, to: number, most: number, within: number | undefined): number => {
  let fields = 0
  for (let at = from; at < to && fields <= most; ) {
    const tag = varintAt(bytes, at)
    const start = afterVarint(bytes, at)
    const end = afterValue(bytes, start, tag & 7)
    fields += 1
    if (tag === within) fields += count(bytes, afterVarint(bytes, start), Math.min(to, end), most - fields, undefined)
    at = end
  }
  return fields
}

/** Whether there are more fields than `most`, those within fields of the tag `within` among them. */
export const areMore = (bytes: Uint8Array, most: number, within?: number): boolean =>
  bytes.byteLength > fieldBytesMin * most && count(bytes, 0, bytes.byteLength, most, within) > most
