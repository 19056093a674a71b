/** Lengths as protobuf writes them: seven bits a byte, the lowest first. */

/** Bytes that a length of at most 32 bits takes. */
export const sizeOf = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5

/** Writes a length; where it ends. */
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

/** Reads a length of at most 28 bits that is written as short as can be; -1 for any other, and where there is none. */
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
