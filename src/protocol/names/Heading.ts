/**
 * What a name record is about, read without parsing the rest, in the order in which every encoder writes the fields.
 *
 * Source: `NameRecord` of `proto/grinta/v1/names.proto`.
 */
import * as Name from "../Name.ts"

export interface Heading {
  readonly host: string
  readonly generation: number
  readonly name: string
  readonly isTombstone: boolean
}

/** Numbers of the fields, and the types on the wire. */
const hostTag = 0x0a
const generationTag = 0x10
const nameTag = 0x22
const tombstoneTag = 0x38
/** All of those that come after the generation, in their order: packed fingerprints are the last. */
const tags: ReadonlyArray<number> = [0x18, nameTag, 0x28, 0x31, tombstoneTag, 0x42]
const varint = 0
const fixed64 = 1

/** Where a reader is in a record. */
interface Place {
  readonly bytes: Uint8Array
  at: number
}

/** A varint of up to 53 bits, or so; NaN for a longer one, and past the end. */
const number = (place: Place): number => {
  let value = 0
  for (let scale = 1; scale < 2 ** 56; scale *= 128) {
    const byte = place.bytes[place.at++] ?? Number.NaN
    value += (byte & 127) * scale
    if (byte < 128) return value
  }
  return Number.NaN
}

/** Bytes with a length before them, as characters; undefined for more than a name has, or than there are. */
const text = (place: Place): string | undefined => {
  const length = number(place)
  const from = place.at
  if (!(length <= Name.nameBytesMax) || from + length > place.bytes.length) return undefined
  place.at += length
  return String.fromCharCode(...place.bytes.subarray(from, place.at))
}

/** Passes over a field that is not looked at. */
const skip = (place: Place, tag: number): void => {
  const bytes = (tag & 7) === varint ? 0 * number(place) : (tag & 7) === fixed64 ? 8 : number(place)
  place.at += bytes
}

/**
 * Reads the heading of an encoded record; undefined where the fields are others or come in another order, so that the record
 * has to be parsed. The names may be none.
 */
export const read = (bytes: Uint8Array): Heading | undefined => {
  const place: Place = { bytes, at: 1 }
  const host = bytes[0] === hostTag ? text(place) : undefined
  if (host === undefined || bytes[place.at++] !== generationTag) return undefined
  const generation = number(place)
  let name: string | undefined
  let isTombstone = false
  for (let last = generationTag; place.at < bytes.length; ) {
    const tag = bytes[place.at++] ?? 0
    if (tag <= last || !tags.includes(tag)) return undefined
    last = tag
    if (tag === nameTag) name = text(place)
    else if (tag === tombstoneTag) isTombstone = number(place) !== 0
    else skip(place, tag)
  }
  const isWhole = place.at === bytes.length && Number.isSafeInteger(generation)
  return isWhole && name !== undefined ? { host, generation, name, isTombstone } : undefined
}
