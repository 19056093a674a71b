/**
 * Heading of a name record, read without parsing the rest, in the field order of every encoder.
 * Source: `NameRecord` of `proto/grinta/v1/names.proto`.
 */
import * as Name from "../Name.ts"

export interface Heading {
  readonly host: string
  readonly generation: number
  readonly name: string
  readonly isTombstone: boolean
}

/** Tags: field numbers with their wire types. */
const hostTag = 0x0a
const generationTag = 0x10
const nameTag = 0x22
const tombstoneTag = 0x38
/** Tags after the generation, in order: packed fingerprints come last. */
const tags: ReadonlyArray<number> = [0x18, nameTag, 0x28, 0x31, tombstoneTag, 0x42]
const varint = 0
const fixed64 = 1

/** Position of a reader in a record. */
interface Place {
  readonly bytes: Uint8Array
  at: number
}

/** Reads a varint of up to about 53 bits; NaN for a longer one, and past the end. */
const number = (place: Place): number => {
  let value = 0
  for (let scale = 1; scale < 2 ** 56; scale *= 128) {
    const byte = place.bytes[place.at++] ?? Number.NaN
    value += (byte & 127) * scale
    if (byte < 128) return value
  }
  return Number.NaN
}

/** Reads length-delimited bytes as characters; undefined above the size of a name, and past the end. */
const text = (place: Place): string | undefined => {
  const length = number(place)
  const from = place.at
  if (!(length <= Name.nameBytesMax) || from + length > place.bytes.length) return undefined
  place.at += length
  return String.fromCharCode(...place.bytes.subarray(from, place.at))
}

/**
 * Reads the host id that a message between two positions begins with, as those of `names.proto` do from every encoder;
 * undefined for anything else. It is not validated.
 */
export const hostOf = (bytes: Uint8Array, from: number, until: number): string | undefined => {
  const place: Place = { bytes, at: from + 1 }
  const host = bytes[from] === hostTag ? text(place) : undefined
  return place.at <= until ? host : undefined
}

/** Skips a field. */
const skip = (place: Place, tag: number): void => {
  const bytes = (tag & 7) === varint ? 0 * number(place) : (tag & 7) === fixed64 ? 8 : number(place)
  place.at += bytes
}

/**
 * Reads the heading of an encoded record; undefined for other fields or another order, when the record has to be
 * parsed. The names are not validated.
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
