/**
 * How deep and how broad the text of a JSON value is, before anybody reads it: a parser, and each schema behind it, takes
 * memory for each level, and time for each value. A megabyte of brackets has as many levels, or half as many values.
 *
 * Cost: none for a text that is too short to be beyond a bound, four searches for one of few brackets, members and elements,
 * and a look at each byte of the others.
 */

/** Arrays and objects within each other. Less than what fills the stack of a schema that refers to itself. */
export const depthMax = 4096

/** Arrays and objects in all. Each takes as long to decode as many numbers. */
export const containersMax = 131_072

/** Members of objects in all. */
export const membersMax = 262_144

/** Commas: members and elements that follow another one. */
export const commasMax = 1_048_576

/** Each level has two brackets; a text that leaves some out is no JSON. */
const deepBytesMin = 2 * depthMax

/** A member takes five bytes at least, of which two may be an empty string, and an element two with its comma. */
const broadBytesMin = Math.min(5 * membersMax, 2 * commasMax)

const quote = 0x22
const escape = 0x5c
const comma = 0x2c
const colon = 0x3a
const openings = [0x5b, 0x7b]

type Kind = "opening" | "closing" | "colon" | "comma" | "quote"

/** What a byte outside of a string stands for; undefined of any that is counted by nothing. */
const kinds: Array<Kind | undefined> = Array.from({ length: 256 })
kinds[quote] = "quote"
kinds[comma] = "comma"
kinds[colon] = "colon"
for (const opening of openings) {
  kinds[opening] = "opening"
  kinds[opening + 2] = "closing"
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

/** Whether a few searches tell that a text keeps to all bounds. */
const isPlain = (bytes: Uint8Array): boolean => {
  const few = depthMax >> 1
  if (openings.some((byte) => hasMore(bytes, byte, few))) return false
  return bytes.byteLength <= broadBytesMin || !(hasMore(bytes, colon, few) || hasMore(bytes, comma, few))
}

/** Where the string that begins before `from` ends. */
const stringEnd = (bytes: Uint8Array, from: number): number => {
  let at = from
  while (at < bytes.byteLength && bytes[at] !== quote) at += bytes[at] === escape ? 2 : 1
  return at
}

/** What of a text is beyond a bound; undefined of one that keeps to all. */
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
