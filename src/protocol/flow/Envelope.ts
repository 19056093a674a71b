/**
 * Envelopes of a Connect stream: one byte of flags, four bytes of length (big-endian), the message.
 *
 * Shape: a message has flags 0, or 1 if it is compressed; an answer ends with one envelope of flags 2, whose JSON says
 * how the call ended.
 * Bounds: an envelope above its limit is refused as soon as its header is complete.
 * Errors: flags that were not negotiated (compression too), an envelope above its limit, and bytes after the last
 * envelope are violations; a stream that stops within an envelope is incomplete.
 * Source: the Connect protocol, "Streaming RPCs"; faults.md, rows E1 to E9.
 */
import * as Held from "./Held.ts"

/** Size of a header, in bytes: flags and length. */
export const headerBytes = 5

/** Largest end of an answer, in bytes. */
export const endBytesMax = 8 * 1024

const messageFlags = 0x00
const compressedFlags = 0x01
const endFlags = 0x02

/** Returns the end envelope of up to 255 bytes of JSON. */
const end = (json: string): Uint8Array => {
  const bytes = new TextEncoder().encode(json)
  return Uint8Array.of(endFlags, 0, 0, 0, bytes.byteLength, ...bytes)
}

/** End of an answer in good order. */
export const goodEnd = end("{}")

/** End of an answer whose deadline passed before the flow ended. */
export const lateEnd = end('{"error":{"code":"deadline_exceeded"}}')

/** Writes the header of a message of `length` bytes. */
export const writeHeader = (into: Uint8Array, at: number, length: number): void => {
  into[at] = messageFlags
  into[at + 1] = length >>> 24
  into[at + 2] = length >>> 16
  into[at + 3] = length >>> 8
  into[at + 4] = length
}

/** Wraps a message in its envelope. */
export const wrap = (message: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(headerBytes + message.byteLength)
  writeHeader(bytes, 0, message.byteLength)
  bytes.set(message, headerBytes)
  return bytes
}

/** Consumer of the messages in the envelopes, as they arrive. */
export interface Body {
  /** Starts a message of `bytes` bytes. */
  readonly begin: (bytes: number) => void
  /** Takes the next part of the message, perhaps empty. Returns a violation's detail; push nothing after one. */
  readonly take: (chunk: Uint8Array, from: number, to: number) => string | undefined
}

export interface Parser {
  readonly bytesMax: number
  /** True for answers, which end with an end envelope; requests must not have one. */
  readonly hasEnd: boolean
  /** True when messages may be compressed, which hosts never do. */
  readonly hasGzip: boolean
  readonly body: Body
  /** Header bytes received, and the flags and the length in them so far. */
  headerCount: number
  flags: number
  length: number
  /** Bytes of the envelope's content still to come. */
  leftBytes: number
  /** Complete envelopes, and all bytes pushed. */
  wholeCount: number
  pushedBytes: number
  /** JSON of the end envelope; complete once that envelope is. */
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

/** Returns a body that assembles each message and passes it to `onMessage`. */
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

/** Returns true between two envelopes. */
export const isComplete = (parser: Parser): boolean => parser.headerCount === 0

/** Returns true when the current, or the latest, message is compressed. */
export const isCompressed = ({ flags }: Parser): boolean => flags === compressedFlags

/** Returns what is wrong with a header received so far; undefined when nothing is. */
const refusal = ({ bytesMax, end, flags, hasEnd, hasGzip, headerCount, length }: Parser): string | undefined => {
  if (end !== undefined) return "an envelope after the last one"
  const said = headerCount === headerBytes ? length : 0
  if (flags === messageFlags || (hasGzip && flags === compressedFlags))
    return said > bytesMax ? `a frame of ${said} bytes, of ${bytesMax} at most` : undefined
  if (flags !== endFlags || !hasEnd) return `an envelope with flags ${flags}`
  return said > endBytesMax ? `an end of ${said} bytes, of ${endBytesMax} at most` : undefined
}

/** Reads header bytes. Returns the index after the last one read. */
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
 * Consumes the rest of one envelope, as far as it has come. Returns the index after it, or the detail of a violation;
 * take nothing after it. Leaves `pushedBytes` to the caller.
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

/** Consumes a chunk. Returns the detail of a violation; push nothing after it. */
export const push = (parser: Parser, chunk: Uint8Array): string | undefined => {
  parser.pushedBytes += chunk.byteLength
  for (let at = 0; at < chunk.byteLength; ) {
    const taken = takeOne(parser, chunk, at)
    if (typeof taken === "string") return taken
    at = taken
  }
  return undefined
}
