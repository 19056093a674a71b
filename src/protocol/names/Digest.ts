/**
 * Digests and deltas, by which two hosts find the records that a directory lacks, as values and in protobuf.
 * Source: `proto/grinta/v1/names.proto`; design.md, section 4; faults.md, row R7.
 */
import { create, fromBinary } from "@bufbuild/protobuf"
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire"
import { Result } from "effect"
import * as Proto from "../gen/grinta/v1/names_pb.ts"
import * as Name from "../Name.ts"
import * as Heading from "./Heading.ts"

/** Digest of one life of one host; see `HostDigest` of the proto. */
export interface HostDigest {
  readonly host: string
  readonly generation: number
  readonly complete: number
  readonly ahead: number
  readonly mark: number
}

/** Digest of one host's directory. */
export interface Digest {
  readonly sender: string
  /** True when the sender wants the receiver's digest, if the receiver lacks something. */
  readonly isAsking: boolean
  /** Range of host ids covered: from `first` on, and below `until`; "" is no bound. */
  readonly first: string
  readonly until: string
  readonly hosts: ReadonlyArray<HostDigest>
}

/** Range: the message holds all of the sender's records of one life with versions above `after` and up to `until`. */
export interface Range {
  readonly host: string
  readonly generation: number
  readonly after: number
  readonly until: number
}

/** Delta: the ranges of the sender's directory that a message holds without a gap. */
export interface Delta {
  readonly sender: string
  readonly ranges: ReadonlyArray<Range>
  /** True when the sender has more, which a digest brings. */
  readonly hasMore: boolean
}

/** Hosts in one digest, and ranges in one delta, invalid ones included. */
export const hostsMax = 16_384

const counterOf = (value: bigint): number | undefined =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined

const hostDigestOf = (bytes: Uint8Array): HostDigest | undefined => {
  const { ahead, complete, generation, host, mark } = fromBinary(Proto.HostDigestSchema, bytes)
  const counters = { generation: counterOf(generation), complete: counterOf(complete), ahead: counterOf(ahead) }
  if (Name.violation(host) !== undefined || !counters.generation) return undefined
  if (counters.complete === undefined || counters.ahead === undefined) return undefined
  return { host, generation: counters.generation, complete: counters.complete, ahead: counters.ahead, mark }
}

const rangeOf = (bytes: Uint8Array): Range | undefined => {
  const range = fromBinary(Proto.VersionRangeSchema, bytes)
  const [generation, after, until] = [counterOf(range.generation), counterOf(range.after), counterOf(range.until)]
  if (Name.violation(range.host) !== undefined || !generation || after === undefined || until === undefined)
    return undefined
  return { host: range.host, generation, after, until }
}

/** Repeated field of a message, unparsed, and the other fields. */
export interface Pieces {
  readonly field: number
  readonly reader: BinaryReader
  /** Pieces not taken yet. */
  left: number
  readonly rest: Uint8Array
}

/**
 * Finds the repeated field `field` of a message without parsing its pieces, so that they are bounded first. Undefined
 * above `countMax` pieces. May raise errors of the protobuf reader.
 */
export const find = (body: Uint8Array, field: number, countMax: number): Pieces | undefined => {
  const reader = new BinaryReader(body)
  const others: Array<Uint8Array> = []
  let count = 0
  while (reader.pos < reader.len) {
    const start = reader.pos
    const [number, wireType] = reader.tag()
    reader.skip(wireType, number)
    if (number === field && wireType === WireType.LengthDelimited) {
      count += 1
      if (count > countMax) return undefined
    } else {
      others.push(body.subarray(start, reader.pos))
      if (others.length > othersMax) return undefined
    }
  }
  return { field, reader: new BinaryReader(body), left: count, rest: concat(others) }
}

/** Takes the next `countMax` pieces at most. */
export const take = (pieces: Pieces, countMax: number): ReadonlyArray<Uint8Array> => {
  const { field, reader } = pieces
  const taken: Array<Uint8Array> = []
  while (pieces.left > 0 && taken.length < countMax) {
    const [number, wireType] = reader.tag()
    if (number !== field || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number)
      continue
    }
    taken.push(reader.bytes())
    pieces.left -= 1
  }
  return taken
}

/** Returns all pieces at once, and the other fields; undefined above `countMax` pieces. */
export const split = (
  body: Uint8Array,
  field: number,
  countMax: number
): { readonly pieces: ReadonlyArray<Uint8Array>; readonly rest: Uint8Array } | undefined => {
  const found = find(body, field, countMax)
  return found && { pieces: take(found, countMax), rest: found.rest }
}

/** Fields beside the repeated one, at most. */
const othersMax = 64

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Parses entries. An invalid one is left out: asking for it, or sending it, would be useless. */
const entriesOf = <A>(pieces: ReadonlyArray<Uint8Array>, parse: (bytes: Uint8Array) => A | undefined) =>
  pieces.flatMap((piece) => {
    const entry = Result.getOrElse(
      Result.try(() => parse(piece)),
      () => undefined
    )
    return entry === undefined ? [] : [entry]
  })

/** Returns true for a bound of a digest: a host id, or "". */
const isBound = (text: string): boolean => text === "" || Name.violation(text) === undefined

/**
 * Parses the first entry of each host that counts. The others are passed over by their host ids, at a tenth of the cost:
 * what a digest costs grows with the hosts that there are, not with those that it names.
 */
const hostDigestsOf = (body: Uint8Array, counts: (host: string) => boolean): ReadonlyArray<HostDigest> => {
  const reader = new BinaryReader(body)
  const entries: Array<HostDigest> = []
  const seen = new Set<string>()
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    if (number !== hostsField || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number)
      continue
    }
    const length = reader.uint32()
    const from = reader.pos
    reader.pos += length
    const host = Heading.hostOf(body, from, reader.pos)
    if (host === undefined || seen.has(host) || !counts(host)) continue
    seen.add(host)
    entries.push(...entriesOf([body.subarray(from, reader.pos)], hostDigestOf))
  }
  return entries
}

/** Number of the field `hosts` of `DirectoryDigest`. */
const hostsField = 5

/**
 * Reads a digest, and of its hosts those that count; undefined when it is invalid. May raise errors of the protobuf
 * reader.
 */
export const readDigest = (body: Uint8Array, counts: (host: string) => boolean): Digest | undefined => {
  const parts = find(body, hostsField, hostsMax)
  if (parts === undefined) return undefined
  const { asking, first, sender, until } = fromBinary(Proto.DirectoryDigestSchema, parts.rest)
  if (Name.violation(sender) !== undefined || !isBound(first) || !isBound(until)) return undefined
  return { sender, isAsking: asking, first, until, hosts: hostDigestsOf(body, counts) }
}

/** Reads a delta; undefined when it is invalid. May raise errors of the protobuf reader. */
export const readDelta = (body: Uint8Array): Delta | undefined => {
  const parts = split(body, 2, hostsMax)
  if (parts === undefined) return undefined
  const { more, sender } = fromBinary(Proto.DirectoryDeltaSchema, parts.rest)
  if (Name.violation(sender) !== undefined) return undefined
  return { sender, ranges: entriesOf(parts.pieces, rangeOf), hasMore: more }
}

export const digestToProto = ({ first, hosts, isAsking, sender, until }: Digest): Proto.DirectoryDigest =>
  create(Proto.DirectoryDigestSchema, {
    sender,
    asking: isAsking,
    first,
    until,
    hosts: hosts.map(({ ahead, complete, generation, host, mark }) =>
      create(Proto.HostDigestSchema, {
        host,
        generation: BigInt(generation),
        complete: BigInt(complete),
        ahead: BigInt(ahead),
        mark
      })
    )
  })

export const deltaToProto = ({ hasMore, ranges, sender }: Delta): Proto.DirectoryDelta =>
  create(Proto.DirectoryDeltaSchema, {
    sender,
    more: hasMore,
    ranges: ranges.map(({ after, generation, host, until }) =>
      create(Proto.VersionRangeSchema, {
        host,
        generation: BigInt(generation),
        after: BigInt(after),
        until: BigInt(until)
      })
    )
  })
