/**
 * The envelopes of a Connect stream: one byte of flags, four of length (big-endian), the message.
 *
 * Shape: a message has flags 0, or 1 if it is compressed; the answer ends with one envelope of flags 2, whose JSON says how
 * the call ended.
 * Bounds: an envelope above its limit is refused when its header has come.
 * Errors: flags that nobody agreed on (compression too), an envelope that is too long, and anything after the last one are a
 * violation; a stream that stops elsewhere than between two envelopes is incomplete.
 * Source: the Connect protocol, "Streaming RPCs"; faults.md, rows E1 to E9.
 */
import * as Held from "./Held.ts"

/** Flags and length. */
export const headerBytes = 5

/** What the last envelope of an answer may hold. */
export const endBytesMax = 8 * 1024

const messageFlags = 0x00
const compressedFlags = 0x01
const endFlags = 0x02

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

/** What takes the messages of envelopes, while they come. */
export interface Body {
  /** A message of so many bytes begins. */
  readonly begin: (bytes: number) => void
  /** The next part of it, perhaps an empty one. The detail of a violation, after which nothing more may be pushed. */
  readonly take: (chunk: Uint8Array, from: number, to: number) => string | undefined
}

export interface Parser {
  readonly bytesMax: number
  /** Whether an end is due: answers have one, requests must not. */
  readonly hasEnd: boolean
  /** Whether messages may be compressed, which hosts never do. */
  readonly hasGzip: boolean
  readonly body: Body
  /** How much of a header has come, and what it says so far. */
  headerCount: number
  flags: number
  length: number
  /** How much of what follows the header has not. */
  leftBytes: number
  /** Envelopes that are whole, and all bytes that have come. */
  wholeCount: number
  pushedBytes: number
  /** How the answer said that it ended, in JSON; complete once its envelope is. */
  end: Held.Held | undefined
}

export const make = (
  options: Pick<Parser, "bytesMax" | "hasEnd" | "body"> & Partial<Pick<Parser, "hasGzip">>
): Parser => ({
  bytesMax: options.bytesMax,
  hasEnd: options.hasEnd,
  hasGzip: options.hasGzip ?? false,
  body: options.body,
  headerCount: 0,
  flags: messageFlags,
  length: 0,
  leftBytes: 0,
  wholeCount: 0,
  pushedBytes: 0,
  end: undefined
})

/** Puts each message together. */
export const whole = (onMessage: (message: Uint8Array) => void): Body => {
  const held = Held.make()
  let length = 0
  return {
    begin: (bytes) => {
      length = bytes
    },
    take: (chunk, from, to) => {
      Held.add(held, chunk, from, to, length)
      if (held.count === length) onMessage(Held.take(held))
      return undefined
    }
  }
}

/** Whether all that has come is whole envelopes. */
export const isComplete = (parser: Parser): boolean => parser.headerCount === 0

/** Whether the message that is coming, or came last, is compressed. */
export const isCompressed = ({ flags }: Parser): boolean => flags === compressedFlags

/** What is wrong with a header as far as it has come; undefined when nothing is. */
const refusal = ({ bytesMax, end, flags, hasEnd, hasGzip, headerCount, length }: Parser): string | undefined => {
  if (end !== undefined) return "an envelope after the last one"
  const said = headerCount === headerBytes ? length : 0
  if (flags === messageFlags || (hasGzip && flags === compressedFlags))
    return said > bytesMax ? `a frame of ${said} bytes, of ${bytesMax} at most` : undefined
  if (flags !== endFlags || !hasEnd) return `an envelope with flags ${flags}`
  return said > endBytesMax ? `an end of ${said} bytes, of ${endBytesMax} at most` : undefined
}

/** Reads on in a header; where it ends, or the chunk does. */
const readHeader = (parser: Parser, chunk: Uint8Array, from: number): number => {
  const to = Math.min(chunk.byteLength, from + headerBytes - parser.headerCount)
  for (let at = from; at < to; at++) {
    const byte = chunk[at] ?? 0
    if (parser.headerCount === 0) parser.flags = byte
    parser.length = parser.headerCount === 0 ? 0 : parser.length * 256 + byte
    parser.headerCount += 1
  }
  return to
}

const begin = (parser: Parser): void => {
  parser.leftBytes = parser.length
  if (parser.flags === endFlags) parser.end = Held.make()
  else parser.body.begin(parser.length)
}

/**
 * Takes of what has come the rest of one envelope, or all there is of it: where that ends, or the detail of a violation, after
 * which nothing more may be taken. `pushedBytes` is left to the caller.
 */
export const takeOne = (parser: Parser, chunk: Uint8Array, from: number): number | string => {
  let start = from
  if (parser.headerCount < headerBytes) {
    start = readHeader(parser, chunk, from)
    const refused = refusal(parser)
    if (refused !== undefined) return refused
    if (parser.headerCount < headerBytes) return start
    begin(parser)
  }
  const to = Math.min(chunk.byteLength, start + parser.leftBytes)
  parser.leftBytes -= to - start
  if (parser.end !== undefined) Held.add(parser.end, chunk, start, to, parser.length)
  else {
    const refused = parser.body.take(chunk, start, to)
    if (refused !== undefined) return refused
  }
  if (parser.leftBytes > 0) return to
  parser.headerCount = 0
  parser.wholeCount += 1
  return to
}

/** Takes what has come. The detail of a violation, after which nothing more may be pushed. */
export const push = (parser: Parser, chunk: Uint8Array): string | undefined => {
  parser.pushedBytes += chunk.byteLength
  for (let at = 0; at < chunk.byteLength; ) {
    const taken = takeOne(parser, chunk, at)
    if (typeof taken === "string") return taken
    at = taken
  }
  return undefined
}
