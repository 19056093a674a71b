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
import * as Buffers from "./Buffers.ts"
import * as Envelope from "./Envelope.ts"
import * as Frame from "./Frame.ts"
import * as Packing from "./Packing.ts"
import * as Slabs from "./Slabs.ts"
import * as Varint from "./Varint.ts"

const encodeData = ({ messages, partial }: Frame.Data): Uint8Array => {
  let bytes = 0
  for (const { byteLength } of messages) bytes += Packing.sizeOf(byteLength)
  const buffers = Buffers.make()
  const packing = Packing.make(bytes, buffers)
  for (const message of messages) Packing.add(packing, message, buffers)
  return Packing.seal(packing, partial)
}

/** Accepted, which has no fields. */
const acceptedBytes = toBinary(FrameSchema, Frame.toProto(Frame.accepted))
const acceptedWire = Envelope.wrap(acceptedBytes)

/** A frame in its envelope. The bytes may be shared: nobody may change them. */
export const encode = (frame: Frame.Frame): Uint8Array => {
  switch (frame._tag) {
    case "Data":
      return frame.wire ?? encodeData(frame)
    case "Accepted":
      return acceptedWire
    default:
      return Envelope.wrap(toBinary(FrameSchema, Frame.toProto(frame)))
  }
}

const isAccepted = (bytes: Uint8Array): boolean =>
  bytes.byteLength === acceptedBytes.byteLength && acceptedBytes.every((byte, at) => byte === bytes[at])

/** Reads a Data frame as `encode` writes it; undefined for anything else, right or wrong. */
const decodeData = (slabs: Slabs.Slabs): Frame.Data | undefined => {
  const bytes = slabs.frame
  const end = bytes.byteLength
  if (bytes[0] !== Packing.dataTag) return undefined
  const dataBytes = Varint.read(bytes, 1)
  let at = 1 + Varint.sizeOf(dataBytes)
  if (dataBytes < 0 || dataBytes !== end - at) return undefined
  const messages: Array<Uint8Array> = []
  while (at < end) {
    if (bytes[at] === Packing.partialTag)
      return at + 2 === end && bytes[at + 1] === 1 ? { _tag: "Data", messages, partial: true } : undefined
    if (bytes[at] !== Packing.messagesTag) return undefined
    const size = Varint.read(bytes, at + 1)
    if (size < 0) return undefined
    at += 1 + Varint.sizeOf(size)
    if (at + size > end) return undefined
    messages.push(Slabs.cut(slabs, at, size))
    at += size
  }
  return { _tag: "Data", messages, partial: false }
}

const decodeGenerated = (bytes: Uint8Array): Result.Result<Frame.Frame, Frame.FrameInvalid> => {
  const parsed = Result.try({
    // Its fields of bytes are views of what it reads.
    try: () => fromBinary(FrameSchema, bytes.slice()),
    catch: (cause) => new Frame.FrameInvalid({ detail: String(cause) })
  })
  return Result.flatMap(parsed, Frame.fromProto)
}

/**
 * The frame that came out of an envelope. The bytes are its own from here on: a large message may stay in them (see
 * `Slabs`), otherwise they go back to where they came from.
 */
export const decode = (bytes: Uint8Array, buffers: Buffers.Buffers): Result.Result<Frame.Frame, Frame.FrameInvalid> => {
  const slabs = Slabs.make(bytes)
  const data = decodeData(slabs)
  const frame =
    data !== undefined
      ? Result.succeed(data)
      : isAccepted(bytes)
        ? Result.succeed(Frame.accepted)
        : decodeGenerated(bytes)
  if (!slabs.isKept) Buffers.give(buffers, bytes)
  return frame
}

/** Whether the first bytes of a frame say that it is one large message, which will stay in them. */
export const isOneMessage = (start: Uint8Array, frameBytes: number): boolean => {
  const dataBytes = start[0] === Packing.dataTag ? Varint.read(start, 1) : -1
  const at = 1 + Varint.sizeOf(dataBytes)
  const size = dataBytes >= 0 && start[at] === Packing.messagesTag ? Varint.read(start, at + 1) : -1
  return size >= 0 && Slabs.mayStay(size, frameBytes)
}

const noMessages: ReadonlyArray<Uint8Array> = []

/** A class for its one getter: on an object of its own it would cost more than the rest of a small frame. */
class Packed implements Frame.Data {
  readonly _tag = "Data"
  readonly wire: Uint8Array
  readonly partial: boolean

  constructor(wire: Uint8Array, partial: boolean) {
    this.wire = wire
    this.partial = partial
  }

  get messages(): ReadonlyArray<Uint8Array> {
    return decodeData(Slabs.make(this.wire.subarray(Envelope.headerBytes)))?.messages ?? noMessages
  }
}

/** What was packed, as a frame. */
export const packed = (wire: Uint8Array, partial: boolean): Frame.Data => new Packed(wire, partial)
