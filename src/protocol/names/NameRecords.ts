/**
 * Name records as values, and their form on the gossip plane.
 *
 * Shape: the byte 0x67 ("g"), then one protobuf `grinta.v1.NameRecords`; the same for a gossiped message, for one to a
 * single member, and for the state given in a push/pull. The first byte tells it from the gossip of other programs in
 * the same cluster: Serf's messages start with 0 to 9.
 * Source: `proto/grinta/v1/names.proto`; design.md, section 4; faults.md, rows R3 and R7.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { Data, Result } from "effect"
import * as Proto from "../gen/grinta/v1/names_pb.ts"
import * as Name from "../Name.ts"
import * as Digest from "./Digest.ts"
import * as Heading from "./Heading.ts"

/** "unique": one owner in a whole fabric. "group": any number of owners. */
export type Ownership = "unique" | "group"

/** Record of one host on one name, written by that host only. */
export interface NameRecord {
  readonly host: string
  /** Life of the writer, in microseconds since 1970. */
  readonly generation: number
  /** Rank among the writer's records of this life, from 1. */
  readonly version: number
  readonly name: string
  readonly ownership: Ownership
  /** Fingerprint of the endpoint's contract, 64 bits. */
  readonly contract: bigint
  /** Fingerprints of other contracts whose callers the endpoint serves as well, ascending; never empty. */
  readonly compatible?: ReadonlyArray<bigint>
  /** The writer withdrew the name. */
  readonly isTombstone: boolean
}

/** Why a record, a digest or a delta was left out. */
export type SkipReason =
  | "malformed"
  | "invalidHost"
  | "invalidName"
  | "generation"
  | "version"
  | "ownership"
  | "compatible"
  | "digest"
  | "delta"

export interface Decoded {
  readonly records: ReadonlyArray<NameRecord>
  readonly skipped: ReadonlyArray<SkipReason>
  readonly digest?: Digest.Digest
  readonly delta?: Digest.Delta
}

/** Message that is dropped. "foreign": from another program, or empty, which is no fault. */
export class NamesUnreadable extends Data.TaggedError("NamesUnreadable")<{
  readonly reason: "foreign" | "malformed" | "tooLarge"
}> {}

const marker = 0x67

/** Returns true for messages and states of name records, valid or not: no other program marks its own so. */
export const isNames = (bytes: Uint8Array): boolean => bytes[0] === marker

/** Largest message or state, in bytes. */
export const bytesMax = 20 * 1024 * 1024

/** Records in one message or state, skipped ones included: 16 times what a host puts into one. */
export const recordsMax = 16_384

/** Fingerprints in `compatible`, at most. */
export const compatibleMax = 16

/** Largest record on the wire, in bytes, without its host id, name and compatible contracts. */
const recordBytesFixed = 40

/** Returns an upper bound of a record on the wire, in bytes. */
export const recordBytes = ({ compatible, host, name }: NameRecord): number =>
  recordBytesFixed + host.length + name.length + (compatible === undefined ? 0 : 3 + 8 * compatible.length)

/** Upper bound of {@link recordBytes}. */
export const recordBytesMax = recordBytesFixed + 2 * Name.nameBytesMax + 3 + 8 * compatibleMax

const listed = (compatible: NameRecord["compatible"] = []): string => compatible.join()

/** Returns true when two records, or entries made of them, declare the same contracts. */
export const isSameContract = (
  a: Pick<NameRecord, "contract" | "compatible">,
  b: Pick<NameRecord, "contract" | "compatible">
): boolean => a.contract === b.contract && listed(a.compatible) === listed(b.compatible)

/**
 * Decides which of two records of one host's life and one name wins: the higher version. An honest writer uses a
 * version once; between forgeries of one version the choice only has to be the same everywhere.
 */
export const supersedes = (a: NameRecord, b: NameRecord): boolean => {
  if (a.version !== b.version) return a.version > b.version
  if (a.isTombstone !== b.isTombstone) return a.isTombstone
  if (a.ownership !== b.ownership) return a.ownership === "unique"
  if (a.contract !== b.contract) return a.contract > b.contract
  return listed(a.compatible) > listed(b.compatible)
}

const ownerships = { unique: Proto.Ownership.UNIQUE, group: Proto.Ownership.GROUP } as const

const toProto = (record: NameRecord): Proto.NameRecord =>
  create(Proto.NameRecordSchema, {
    host: record.host,
    generation: BigInt(record.generation),
    version: BigInt(record.version),
    name: record.name,
    ownership: ownerships[record.ownership],
    contract: record.contract,
    tombstone: record.isTombstone,
    compatible: [...(record.compatible ?? [])]
  })

/** Digest and delta of a message, beside its records. */
export type Parts = Pick<Decoded, "digest" | "delta">

export const encode = (records: ReadonlyArray<NameRecord>, { delta, digest }: Parts = {}): Uint8Array => {
  const message = create(Proto.NameRecordsSchema, { records: records.map(toProto) })
  if (digest !== undefined) message.digest = Digest.digestToProto(digest)
  if (delta !== undefined) message.delta = Digest.deltaToProto(delta)
  const body = toBinary(Proto.NameRecordsSchema, message)
  const bytes = new Uint8Array(1 + body.length)
  bytes[0] = marker
  bytes.set(body, 1)
  return bytes
}

const ownershipOf = (ownership: number): Ownership | undefined => {
  switch (ownership) {
    case Proto.Ownership.UNIQUE:
      return "unique"
    case Proto.Ownership.GROUP:
      return "group"
    default:
      return undefined
  }
}

const isCounter = (value: bigint): boolean => value >= 1n && value <= BigInt(Number.MAX_SAFE_INTEGER)

const fromProto = (record: Proto.NameRecord): NameRecord | SkipReason => {
  const { compatible, contract, generation, host, name, tombstone: isTombstone, version } = record
  const ownership = ownershipOf(record.ownership)
  if (Name.violation(host) !== undefined) return "invalidHost"
  if (Name.violation(name) !== undefined) return "invalidName"
  if (!isCounter(generation)) return "generation"
  if (!isCounter(version)) return "version"
  if (ownership === undefined) return "ownership"
  if (compatible.length > compatibleMax) return "compatible"
  const life = { host, generation: Number(generation), version: Number(version) }
  return { ...life, name, ownership, contract, isTombstone, ...(compatible.length > 0 && { compatible }) }
}

const decodeRecord = (bytes: Uint8Array): NameRecord | SkipReason =>
  Result.match(
    Result.try(() => fromBinary(Proto.NameRecordSchema, bytes)),
    { onFailure: () => "malformed" as const, onSuccess: fromProto }
  )

/** Reads the digest and the delta of a message; an invalid part is left out, and named in `skipped`. */
const partsOf = (rest: Uint8Array, skipped: Array<SkipReason>, counts: (host: string) => boolean): Parts => {
  const read = <A>(field: number, reason: SkipReason, parse: (bytes: Uint8Array) => A | undefined): A | undefined => {
    const bytes = Digest.split(rest, field, 1)
    const [body] = bytes?.pieces ?? []
    if (bytes !== undefined && body === undefined) return undefined
    const part =
      body &&
      Result.getOrElse(
        Result.try(() => parse(body)),
        () => undefined
      )
    if (part === undefined) skipped.push(reason)
    return part
  }
  const digest = read(2, "digest", (body) => Digest.readDigest(body, counts))
  const delta = read(3, "delta", Digest.readDelta)
  return { ...(digest && { digest }), ...(delta && { delta }) }
}

const failure = (reason: NamesUnreadable["reason"]): Result.Result<never, NamesUnreadable> =>
  Result.fail(new NamesUnreadable({ reason }))

/** Shared errors, since an error captures a stack and a flood of bad messages should stay cheap. */
const failures = {
  foreign: failure("foreign"),
  malformed: failure("malformed"),
  tooLarge: failure("tooLarge")
} as const

/** Message that is decoded some records at a time. */
export interface Reading extends Parts {
  readonly pieces: Digest.Pieces
  /** Why its digest or its delta was left out. */
  readonly skipped: ReadonlyArray<SkipReason>
}

const all = (): boolean => true

/**
 * Begins to decode a message or a state. Of its digest only the hosts that `counts` tells are read.
 *
 * Units: at most {@link bytesMax} bytes and {@link recordsMax} records; host ids and names as in `Name`; generations
 * and versions from 1 to 2^53 - 1.
 * Errors: `NamesUnreadable` only; the caller drops the whole, and counts it unless it is foreign.
 */
export const read = (
  bytes: Uint8Array,
  counts: (host: string) => boolean = all
): Result.Result<Reading, NamesUnreadable> => {
  if (!isNames(bytes)) return failures.foreign
  if (bytes.length > bytesMax) return failures.tooLarge
  const pieces = Result.try(() => Digest.find(bytes.subarray(1), 1, recordsMax))
  if (Result.isFailure(pieces)) return failures.malformed
  if (pieces.success === undefined) return failures.tooLarge
  const skipped: Array<SkipReason> = []
  const parts = partsOf(pieces.success.rest, skipped, counts)
  return Result.succeed({ pieces: pieces.success, skipped, ...parts })
}

/** Returns true when a message has records left to decode. */
export const hasMore = ({ pieces }: Reading): boolean => pieces.left > 0

/**
 * Decodes the next `countMax` records at most. A record that is invalid, or refused by its heading at a tenth of the
 * cost, is left out and named in `skipped`.
 */
export const readSome = <R = never>(
  { pieces }: Reading,
  countMax: number,
  refusalOf: (heading: Heading.Heading) => R | undefined = () => undefined
): { readonly records: ReadonlyArray<NameRecord>; readonly skipped: ReadonlyArray<SkipReason | R> } => {
  const records: Array<NameRecord> = []
  const skipped: Array<SkipReason | R> = []
  for (const piece of Digest.take(pieces, countMax)) {
    const heading = Heading.read(piece)
    const refusal = heading && refusalOf(heading)
    if (refusal !== undefined) {
      skipped.push(refusal)
      continue
    }
    const record = decodeRecord(piece)
    if (typeof record === "string") skipped.push(record)
    else records.push(record)
  }
  return { records, skipped }
}

/** Decodes a whole message at once. Errors: as `read`. */
export const decode = (bytes: Uint8Array): Result.Result<Decoded, NamesUnreadable> =>
  Result.map(read(bytes), ({ pieces, skipped, ...parts }) => {
    const { records, skipped: left } = readSome({ pieces, skipped }, recordsMax)
    return { records, skipped: [...left, ...skipped], ...parts }
  })
