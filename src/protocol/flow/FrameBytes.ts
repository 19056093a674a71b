/**
 * Frames as bytes: what protobuf says of them, with a short way for Data.
 *
 * Nearly all bytes of a flow are in Data frames, and the generated code reflects on each of their messages: this is several
 * times as fast. It writes the same bytes, and reads what it writes; anything else is left to the generated code.
 *
 * Errors: `FrameInvalid` for what is no frame.
 * Source: `proto/grinta/v1/flow.proto`; the protobuf encoding guide.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf"
import { Result } from "effect"
import { FrameSchema } from "../gen/grinta/v1/flow_pb.ts"
import * as Envelope from "./Envelope.ts"
import * as Frame from "./Frame.ts"

/** Field numbers with their wire types: `Frame.data`, `Data.messages`, `Data.partial`. */
const dataTag = 0x22
const messagesTag = 0x0a
const partialTag = 0x10

const varintBytes = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5

/** Writes a length; where it ends. */
const writeVarint = (into: Uint8Array, at: number, value: number): number => {
  let rest = value
  let end = at
  while (rest >= 0x80) {
    into[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[end++] = rest
  return end
}

const encodeData = ({ messages, partial }: Frame.Data): Uint8Array => {
  let length = partial ? 2 : 0
  for (const { byteLength } of messages) length += 1 + varintBytes(byteLength) + byteLength
  const bytes = Envelope.allocate(1 + varintBytes(length) + length)
  bytes[Envelope.headerBytes] = dataTag
  let at = writeVarint(bytes, Envelope.headerBytes + 1, length)
  for (const message of messages) {
    bytes[at] = messagesTag
    at = writeVarint(bytes, at + 1, message.byteLength)
    bytes.set(message, at)
    at += message.byteLength
  }
  if (partial) {
    bytes[at] = partialTag
    bytes[at + 1] = 1
  }
  return bytes
}

/** A frame in its envelope. */
export const encode = (frame: Frame.Frame): Uint8Array =>
  frame._tag === "Data" ? encodeData(frame) : Envelope.wrap(toBinary(FrameSchema, Frame.toProto(frame)))

/** A Data frame as `encode` writes it; undefined for anything else, right or wrong. */
const decodeData = (bytes: Uint8Array): Frame.Data | undefined => {
  if (bytes[0] !== dataTag) return undefined
  const end = bytes.byteLength
  let at = 1
  /** Reads a length of at most 28 bits; negative when there is none. */
  const length = (): number => {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) return -1
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    return -1
  }
  const dataBytes = length()
  if (dataBytes < 0 || dataBytes !== end - at) return undefined
  const messages: Array<Uint8Array> = []
  while (at < end) {
    if (bytes[at] === partialTag)
      return at + 2 === end && bytes[at + 1] === 1 ? { _tag: "Data", messages, partial: true } : undefined
    if (bytes[at++] !== messagesTag) return undefined
    const size = length()
    if (size < 0 || at + size > end) return undefined
    messages.push(bytes.subarray(at, at + size))
    at += size
  }
  return { _tag: "Data", messages, partial: false }
}

/** The frame that came out of an envelope; the messages of Data are views of the bytes. */
export const decode = (bytes: Uint8Array): Result.Result<Frame.Frame, Frame.FrameInvalid> => {
  const data = decodeData(bytes)
  if (data !== undefined) return Result.succeed(data)
  const parsed = Result.try({
    try: () => fromBinary(FrameSchema, bytes),
    catch: (cause) => new Frame.FrameInvalid({ detail: String(cause) })
  })
  return Result.flatMap(parsed, Frame.fromProto)
}
