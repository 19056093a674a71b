/** Protobuf varints of lengths: seven bits a byte, the lowest first. */

/** Returns the bytes that a length of at most 32 bits takes. */
export const sizeOf = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5

/** Writes a length. Returns the index after it. */
export const write = (into: Uint8Array, at: number, value: number): number => {
  let rest = value
  let end = at
  while (rest >= 0x80) {
    into[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[end++] = rest
  return end
}

/** Reads a minimally encoded length of at most 28 bits; -1 for any other, and past the end. */
export const read = (from: Uint8Array, at: number): number => {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = from[at + i]
    if (byte === undefined) return -1
    value |= (byte & 0x7f) << (7 * i)
    if (byte < 0x80) return byte === 0 && i > 0 ? -1 : value
  }
  return -1
}
