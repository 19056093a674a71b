/**
 * Counts protobuf fields without decoding them: a field takes two bytes on the wire, and fifty times as many as an
 * object.
 * Source: the protobuf encoding guide.
 */

/** Smallest field, in bytes: its tag, and a value or a length. */
const fieldBytesMin = 2

/** Returns the index after the varint at `at`. */
const afterVarint = (bytes: Uint8Array, at: number): number => {
  let end = at
  while ((bytes[end] ?? 0) >= 0x80) end += 1
  return end + 1
}

/** Reads a varint of any length, exact as far as lengths need it. */
const varintAt = (bytes: Uint8Array, at: number): number => {
  let value = 0
  for (let end = at, factor = 1; ; end++, factor *= 128) {
    const byte = bytes[end] ?? 0
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}

/** Returns the index after the value of this wire type at `at`. The fields of a group count as fields around it. */
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

/** Counts fields from `from` to `to`, and the fields within those of the tag `within`; stops above `most`. */
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

/** Returns true for more than `most` fields, the fields within those of the tag `within` included. */
export const areMore = (bytes: Uint8Array, most: number, within?: number): boolean =>
  bytes.byteLength > fieldBytesMin * most && count(bytes, 0, bytes.byteLength, most, within) > most
