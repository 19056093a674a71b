/**
 * Packet: the messages of one datagram, with their framing.
 *
 * Shape, outermost first: label header, encryption, checksum, compression, compound, messages; each layer but the last
 * is optional, and their order is fixed.
 * Limits: a packet holds at most one compressed message, and inside or instead of it one compound, as peers send them:
 * any other nesting is dropped. It inflates to at most {@link inflatedBytesMax}, and holds at most {@link partsMax}
 * messages.
 * Source: memberlist-wire.md, section 5; faults.md, rows U1 to U9.
 */
import { Data, Option, Result } from "effect"
import * as Bytes from "../Bytes.ts"
import * as Compression from "./Compression.ts"
import type { Framing } from "./Framing.ts"
import * as Label from "./Label.ts"
import { MessageType, type PacketMessage } from "./Message.ts"
import { type MalformedReason, read } from "./MessageTables.ts"
import * as Cursor from "./MsgpackCursor.ts"

/** Bytes that one packet may inflate to; a legal sender stays below 1,400. */
export const inflatedBytesMax = 65_536

export const partsMax = 255
export const partBytesMax = 65_535

const crcHeaderBytes = 5

/**
 * Why a packet or one of its messages was dropped.
 *
 * "empty": no bytes where a message should be. "label": not of this cluster. "decrypt": not encrypted under any of the
 * keys. "crc": damaged. "inflate": broken compression, or too large. "nesting": a second compression or compound, or
 * compression inside a compound. "truncated": cut short. Others: see `MalformedReason`.
 */
export type DropReason = "label" | "decrypt" | "crc" | "inflate" | "nesting" | MalformedReason

/** A packet dropped as a whole; `reason` serves as the name of a counter. */
export class PacketDropped extends Data.TaggedError("PacketDropped")<{ readonly reason: DropReason }> {}

/** The contents of a packet. */
export interface Decoded {
  readonly messages: ReadonlyArray<PacketMessage>
  /** One reason for each dropped part of a compound. */
  readonly dropped: ReadonlyArray<DropReason>
  /** Bytes of the whole packet after decompression: its cost to read. */
  readonly plainBytes: number
}

/** Messages to send together, each with its type byte. */
export interface Outgoing {
  readonly parts: ReadonlyArray<Uint8Array>
  /** Whether to add a checksum, which needs a receiver of protocol version 5. */
  readonly crc: boolean
}

const failure = (reason: DropReason): Result.Result<never, PacketDropped> => Result.fail(new PacketDropped({ reason }))

/** Made once: constructing an error captures a stack, and a flood of bad packets must stay cheap. */
const failures: { readonly [Reason in DropReason]: Result.Result<never, PacketDropped> } = {
  label: failure("label"),
  decrypt: failure("decrypt"),
  crc: failure("crc"),
  inflate: failure("inflate"),
  nesting: failure("nesting"),
  empty: failure("empty"),
  type: failure("type"),
  truncated: failure("truncated"),
  malformed: failure("malformed"),
  name: failure("name"),
  address: failure("address"),
  meta: failure("meta"),
  versions: failure("versions")
}

/** Decodes one message between `start` and `end`, which must not be another layer. */
const decodeMessage = (bytes: Uint8Array, start: number, end: number): PacketMessage | DropReason => {
  const type = start < end ? bytes[start] : undefined
  return type === MessageType.compress || type === MessageType.compound ? "nesting" : read(bytes, start, end)
}

/** Decodes a compound. Drops all parts when the table of lengths is truncated, else only bad or truncated parts. */
const decodeCompound = (bytes: Uint8Array): Decoded | DropReason => {
  const count = bytes[1] ?? partsMax
  let offset = 2 + 2 * count
  if (offset > bytes.length) return "truncated"
  const messages: Array<PacketMessage> = []
  const dropped: Array<DropReason> = []
  for (let i = 0; i < count; i++) {
    const entry = 2 + 2 * i
    const length = ((bytes[entry] ?? 0) << 8) | (bytes[entry + 1] ?? 0)
    const part = offset + length > bytes.length ? "truncated" : decodeMessage(bytes, offset, offset + length)
    if (typeof part === "string") dropped.push(part)
    else messages.push(part)
    offset += length
  }
  return { messages, dropped, plainBytes: bytes.length }
}

/** Decodes a packet without label, encryption and checksum; returns why it is dropped as a whole, if it is. */
const decodePlain = (bytes: Uint8Array): Decoded | DropReason => {
  const [type] = bytes
  const plain =
    type === MessageType.compress ? Compression.read(Cursor.make(bytes, 1, bytes.length), inflatedBytesMax) : bytes
  if (typeof plain === "string") return plain
  if (plain[0] === MessageType.compound) return decodeCompound(plain)
  const message = decodeMessage(plain, 0, plain.length)
  return typeof message === "string" ? message : { messages: [message], dropped: [], plainBytes: plain.length }
}

/** Takes off label, encryption and checksum; returns the remaining bytes, or why the packet is dropped. */
const unframe = (bytes: Uint8Array, { cipher, crc32, label }: Framing): Uint8Array | DropReason => {
  if (bytes.length === 0) return "empty"
  const start = Label.match(bytes, 0, bytes.length, label)
  if (typeof start === "string") return "label"
  let plain = start === 0 ? bytes : bytes.subarray(start)
  if (cipher !== undefined) {
    const opened = Option.getOrUndefined(cipher.open(plain, label))
    if (opened === undefined && cipher.verifyIncoming) return "decrypt"
    plain = opened ?? plain
  }
  if (plain[0] !== MessageType.hasCrc) return plain
  if (plain.length < crcHeaderBytes) return "crc"
  const expected = (((plain[1] ?? 0) << 24) | ((plain[2] ?? 0) << 16) | ((plain[3] ?? 0) << 8) | (plain[4] ?? 0)) >>> 0
  const checked = plain.subarray(crcHeaderBytes)
  return crc32(checked) === expected ? checked : "crc"
}

/**
 * Decodes a datagram.
 *
 * A bad message in a compound drops only itself, and adds its reason to `dropped`.
 * Errors: `PacketDropped` when no message could be read; the caller counts it by reason and does not answer.
 */
export const decode = (bytes: Uint8Array, framing: Framing): Result.Result<Decoded, PacketDropped> => {
  const plain = unframe(bytes, framing)
  if (typeof plain === "string") return failures[plain]
  const decoded = decodePlain(plain)
  return typeof decoded === "string" ? failures[decoded] : Result.succeed(decoded)
}

const compound = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const header = new Uint8Array(2 + 2 * parts.length)
  header[0] = MessageType.compound
  header[1] = parts.length
  parts.forEach((part, i) => {
    header[2 + 2 * i] = part.length >>> 8
    header[3 + 2 * i] = part.length & 0xff
  })
  return Bytes.concat([header, ...parts])
}

/** Leaves a single message bare and joins several to a compound; messages that do not fit go into further packets. */
const bundle = (parts: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const bare = parts.filter((part) => part.length > partBytesMax)
  const small = bare.length === 0 ? parts : parts.filter((part) => part.length <= partBytesMax)
  const bundles: Array<Uint8Array> = []
  for (let i = 0; i < small.length; i += partsMax) {
    const group = small.slice(i, i + partsMax)
    const [first] = group
    bundles.push(first !== undefined && group.length === 1 ? first : compound(group))
  }
  return [...bundles, ...bare]
}

const withCrc = (plain: Uint8Array, crc: number): Uint8Array =>
  Bytes.concat([Uint8Array.of(MessageType.hasCrc, crc >>> 24, crc >>> 16, crc >>> 8, crc), plain])

const frame = (plain: Uint8Array, crc: boolean, { cipher, compress, crc32, label }: Framing): Uint8Array => {
  const compressed = compress ? Compression.encode(plain) : plain
  const smaller = compressed.length < plain.length ? compressed : plain
  const checked = crc ? withCrc(smaller, crc32(smaller)) : smaller
  const sealed = cipher?.verifyOutgoing ? cipher.seal(checked, label) : checked
  return label.length === 0 ? sealed : Bytes.concat([Label.header(label), sealed])
}

/**
 * Encodes messages as datagrams: one, or several for more than 255 parts; none for no parts.
 *
 * Units: the caller keeps the sum of the parts within the packet size; a part longer than 65,535 bytes becomes a packet
 * of its own, which no socket will take.
 */
export const encode = ({ crc, parts }: Outgoing, framing: Framing): ReadonlyArray<Uint8Array> =>
  bundle(parts).map((plain) => frame(plain, crc, framing))
