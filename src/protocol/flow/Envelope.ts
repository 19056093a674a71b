/**
 * The envelopes of a Connect stream: one byte of flags, four of length (big-endian), the message.
 *
 * Shape: a message has flags 0; the answer ends with one envelope of flags 2, whose JSON says how the call ended.
 * Bounds: an envelope above its limit is refused when its header has come; what is held of an unfinished one is at most
 * twice what has come of it, or a whole frame's buffer once `wholeFromBytes` have.
 * Errors: flags that nobody agreed on (compression too), an envelope that is too long, and anything after the last one
 * are a violation; a stream that stops elsewhere than between two envelopes is incomplete.
 * Source: the Connect protocol, "Streaming RPCs"; faults.md, rows E1 to E9.
 */
import * as Buffers from "./Buffers.ts"

/** Flags and length. */
export const headerBytes = 5

/** What the last envelope of an answer may hold. */
export const endBytesMax = 8 * 1024

const messageFlags = 0x00
const endFlags = 0x02

/** What of an envelope must have come before it is worth a whole frame's buffer. */
export const wholeFromBytes = 8 * 1024

/** An end of up to 255 bytes of JSON. */
const end = (json: string): Uint8Array => {
  const bytes = new TextEncoder().encode(json)
  return Uint8Array.of(endFlags, 0, 0, 0, bytes.byteLength, ...bytes)
}

/** The end of an answer in good order. */
export const goodEnd = end("{}")

/** The end of an answer whose time was over before the flow was. */
export const lateEnd = end('{"error":{"code":"deadline_exceeded"}}')

/** Writes the header of a message of this length. */
export const writeHeader = (into: Uint8Array, at: number, length: number): void => {
  into[at] = messageFlags
  into[at + 1] = length >>> 24
  into[at + 2] = length >>> 16
  into[at + 3] = length >>> 8
  into[at + 4] = length
}

/** A message in its envelope. */
export const wrap = (message: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headerBytes + message.byteLength)
  writeHeader(bytes, 0, message.byteLength)
  bytes.set(message, headerBytes)
  return bytes
}

export interface Parser {
  readonly bytesMax: number
  /** Whether an end is due: answers have one, requests must not. */
  readonly hasEnd: boolean
  readonly buffers: Buffers.Buffers
  /** Whether a message of this length that begins like this will keep the memory in which it is put together. */
  readonly isOneMessage: (start: Uint8Array, length: number) => boolean
  /** The beginning of an envelope whose rest has not come. */
  held: Uint8Array
  heldBytes: number
  /** Envelopes that are whole, and all bytes that have come. */
  wholeCount: number
  pushedBytes: number
  /** How the answer said that it ended, in JSON; undefined until it has. */
  end: Uint8Array | undefined
}

const nothing = new Uint8Array(0)

export const make = (options: Pick<Parser, "bytesMax" | "hasEnd" | "buffers" | "isOneMessage">): Parser => ({
  ...options,
  held: nothing,
  heldBytes: 0,
  wholeCount: 0,
  pushedBytes: 0,
  end: undefined
})

/** Whether all that has come is whole envelopes. */
export const isComplete = (parser: Parser): boolean => parser.heldBytes === 0

const lengthAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at + 1] ?? 0) * 0x1000000 + (((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0))

/** What is wrong with a header; undefined when nothing is. */
const refusal = (parser: Parser, flags: number | undefined, length: number): string | undefined => {
  if (parser.end !== undefined) return "an envelope after the last one"
  if (flags === messageFlags)
    return length > parser.bytesMax ? `a frame of ${length} bytes, of ${parser.bytesMax} at most` : undefined
  if (flags !== endFlags || !parser.hasEnd) return `an envelope with flags ${flags}`
  return length > endBytesMax ? `an end of ${length} bytes, of ${endBytesMax} at most` : undefined
}

/** Room for what is held and `taken` more of the chunk, on the way to all of what is wanted. */
const grow = (parser: Parser, chunk: Uint8Array, from: number, taken: number, wantedBytes: number): Uint8Array => {
  const { buffers, held, heldBytes } = parser
  const bytes = Math.min(wantedBytes, Math.max(heldBytes + taken, 2 * heldBytes))
  if (heldBytes + taken < wholeFromBytes) return new Uint8Array(bytes)
  const start =
    heldBytes > headerBytes ? held.subarray(headerBytes, heldBytes) : chunk.subarray(from + headerBytes - heldBytes)
  return parser.isOneMessage(start, wantedBytes) ? new Uint8Array(wantedBytes) : Buffers.take(buffers, bytes)
}

/** Adds to what is held, up to `wantedBytes` in all. How much was taken. */
const hold = (parser: Parser, chunk: Uint8Array, from: number, wantedBytes: number): number => {
  const taken = Math.min(wantedBytes - parser.heldBytes, chunk.byteLength - from)
  const heldBytes = parser.heldBytes + taken
  if (parser.held.byteLength < heldBytes) {
    const grown = grow(parser, chunk, from, taken, wantedBytes)
    grown.set(parser.held.subarray(0, parser.heldBytes))
    Buffers.give(parser.buffers, parser.held)
    parser.held = grown
  }
  parser.held.set(chunk.subarray(from, from + taken), parser.heldBytes)
  parser.heldBytes = heldBytes
  return taken
}

/**
 * Takes what has come, and adds the messages that are whole now to `messages`: views of the chunk where they can be,
 * otherwise of a buffer that may be given back. The detail of a violation, after which nothing more may be pushed.
 */
export const push = (parser: Parser, chunk: Uint8Array, messages: Array<Uint8Array>): string | undefined => {
  let at = 0
  parser.pushedBytes += chunk.byteLength
  while (at < chunk.byteLength) {
    // The header: where it stands in the chunk, or among what is held.
    let source = chunk
    let start = at
    if (parser.heldBytes > 0 || chunk.byteLength - at < headerBytes) {
      if (parser.heldBytes < headerBytes) at += hold(parser, chunk, at, headerBytes)
      if (parser.heldBytes < headerBytes) return refusal(parser, parser.held[0], 0)
      source = parser.held
      start = 0
    }
    const flags = source[start]
    const length = lengthAt(source, start)
    const refused = refusal(parser, flags, length)
    if (refused !== undefined) return refused
    const total = headerBytes + length
    let message: Uint8Array
    if (source === chunk && chunk.byteLength - at >= total) {
      message = chunk.subarray(at + headerBytes, at + total)
      at += total
    } else {
      at += hold(parser, chunk, at, total)
      if (parser.heldBytes < total) return undefined
      message = parser.held.subarray(headerBytes, total)
      parser.held = nothing
      parser.heldBytes = 0
    }
    parser.wholeCount += 1
    if (flags === endFlags) parser.end = message
    else messages.push(message)
  }
  return undefined
}
