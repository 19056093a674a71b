/**
 * How deep the text of a JSON value is nested, before anybody reads it: a parser, and each schema behind it, takes memory for
 * each level, and a megabyte of brackets has as many levels.
 *
 * Cost: none for a text that is too short to be too deep, two searches for one of few brackets, and a look at each byte of
 * the others.
 */

/** Arrays and objects within each other. Less than what fills the stack of a schema that refers to itself. */
export const depthMax = 4096

/** Each level has two brackets; a text that leaves some out is no JSON. */
const bytesMin = 2 * depthMax

const quote = 0x22
const escape = 0x5c
const openings = [0x5b, 0x7b]

/** What a byte outside of a string adds to the depth. */
const steps = new Int8Array(256)
for (const opening of openings) {
  steps[opening] = 1
  steps[opening + 2] = -1
}

/** Whether there are more of this byte than so many. */
const hasMore = (bytes: Uint8Array, byte: number, than: number): boolean => {
  let at = -1
  for (let count = 0; count <= than; count++) {
    at = bytes.indexOf(byte, at + 1)
    if (at < 0) return false
  }
  return true
}

/** Where the string that begins before `from` ends. */
const stringEnd = (bytes: Uint8Array, from: number): number => {
  let at = from
  while (at < bytes.byteLength && bytes[at] !== quote) at += bytes[at] === escape ? 2 : 1
  return at
}

export const isTooDeep = (bytes: Uint8Array): boolean => {
  if (bytes.byteLength <= bytesMin) return false
  if (openings.every((byte) => !hasMore(bytes, byte, depthMax >> 1))) return false
  let depth = 0
  for (let at = 0; at < bytes.byteLength; at++) {
    const byte = bytes[at] ?? 0
    if (byte === quote) at = stringEnd(bytes, at + 1)
    else {
      depth += steps[byte] ?? 0
      if (depth > depthMax) return true
    }
  }
  return false
}
