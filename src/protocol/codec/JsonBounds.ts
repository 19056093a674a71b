/**
 * Bounds the depth and the breadth of a JSON text before it is parsed: a parser, and each schema behind it, takes
 * memory for each level, and time for each value. A megabyte of brackets has as many levels, or half as many values.
 *
 * Cost: none for a text too short to exceed a bound, four searches for a text with few brackets, members and elements,
 * one pass over the bytes of any other text.
 */

/** Nesting depth of arrays and objects. Below the depth that overflows the stack of a recursive schema. */
export const depthMax = 4096

/** Arrays and objects in total. Each takes as long to decode as many numbers. */
export const containersMax = 131_072

/** Members of objects in total. */
export const membersMax = 262_144

/** Commas: members and elements beyond the first of each array or object. */
export const commasMax = 1_048_576

/** Shortest text that can exceed `depthMax`: each level has two brackets, and unbalanced brackets are no JSON. */
const deepBytesMin = 2 * depthMax

/** Shortest text to exceed `membersMax` or `commasMax`: a member takes five bytes (two may be ""), an element two. */
const broadBytesMin = Math.min(5 * membersMax, 2 * commasMax)

const quote = 0x22
const escape = 0x5c
const comma = 0x2c
const colon = 0x3a
const openings = [0x5b, 0x7b]

type Kind = "opening" | "closing" | "colon" | "comma" | "quote"

/** Kind of each byte value outside a string; undefined for bytes that no bound counts. */
const kinds: Array<Kind | undefined> = Array.from({ length: 256 })
kinds[quote] = "quote"
kinds[comma] = "comma"
kinds[colon] = "colon"
for (const opening of openings) {
  kinds[opening] = "opening"
  kinds[opening + 2] = "closing"
}

/** Returns true when `bytes` holds `byte` more than `than` times. */
const hasMore = (bytes: Uint8Array, byte: number, than: number): boolean => {
  let at = -1
  for (let count = 0; count <= than; count++) {
    at = bytes.indexOf(byte, at + 1)
    if (at < 0) return false
  }
  return true
}

/** Returns true when a few searches prove that a text keeps all bounds. */
const isPlain = (bytes: Uint8Array): boolean => {
  const few = depthMax >> 1
  if (openings.some((byte) => hasMore(bytes, byte, few))) return false
  return bytes.byteLength <= broadBytesMin || !(hasMore(bytes, colon, few) || hasMore(bytes, comma, few))
}

/** Returns the index of the quote that closes the string starting before `from`. */
const stringEnd = (bytes: Uint8Array, from: number): number => {
  let at = from
  while (at < bytes.byteLength && bytes[at] !== quote) at += bytes[at] === escape ? 2 : 1
  return at
}

/** Returns which bound a text exceeds, for people; undefined when it keeps all. */
export const excess = (bytes: Uint8Array): string | undefined => {
  if (bytes.byteLength <= deepBytesMin || isPlain(bytes)) return undefined
  let [depth, containers, members, commas] = [0, 0, 0, 0]
  for (let at = 0; at < bytes.byteLength; at++) {
    const kind = kinds[bytes[at] ?? 0]
    if (kind === undefined) continue
    if (kind === "quote") at = stringEnd(bytes, at + 1)
    else if (kind === "comma") commas += 1
    else if (kind === "colon") members += 1
    else if (kind === "closing") depth -= 1
    else {
      depth += 1
      containers += 1
      if (depth > depthMax) return `nested deeper than ${depthMax}`
      if (containers > containersMax) return `more than ${containersMax} arrays and objects`
    }
  }
  if (members > membersMax) return `more than ${membersMax} members of objects`
  return commas > commasMax ? `more than ${commasMax} elements and members` : undefined
}
