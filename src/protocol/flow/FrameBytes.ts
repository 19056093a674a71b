/**
 * Binary encoding of frames: protobuf, with a fast path for Data.
 *
 * Nearly all bytes of a flow are in Data frames, and the generated code reflects on each of their messages: writing
 * them here is several times as fast, and gives the same bytes. `FrameParser` reads Data frames of this form, and
 * leaves all others to the generated code.
 *
 * Errors: `FrameInvalid` for bytes that are no frame.
 * Source: `proto/grinta/v1/flow.proto`; the protobuf encoding guide.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf"
import { Result } from "effect"
import { DataSchema, FrameSchema } from "../gen/grinta/v1/flow_pb.ts"
import * as Batch from "./Batch.ts"
import * as Buffers from "./Buffers.ts"
import * as Envelope from "./Envelope.ts"
import * as Frame from "./Frame.ts"
import * as Packing from "./Packing.ts"
import * as Varint from "./Varint.ts"

const encodeData = ({ messages, partial }: Frame.Data): Uint8Array => {
  let bytes = 0
  for (const { byteLength } of messages) bytes += Packing.sizeOf(byteLength)
  const buffers = Buffers.make()
  const packing = Packing.make(bytes, buffers)
  for (const message of messages) Packing.add(packing, message, buffers)
  return Packing.seal(packing, partial)
}

const encodeOther = (frame: Frame.Frame): Uint8Array => Envelope.wrap(toBinary(FrameSchema, Frame.toProto(frame)))

/** Accepted, which has no fields. */
const acceptedBytes = toBinary(FrameSchema, Frame.toProto(Frame.accepted))
const acceptedWire = Envelope.wrap(acceptedBytes)

/** Words of a host without messages. */
const wordWire = encodeData(Frame.word)
const drainingWire = encodeOther(Frame.draining)

/** Encodes a frame with its envelope. The bytes may be shared: do not change them. */
export const encode = (frame: Frame.Frame): Uint8Array => {
  switch (frame._tag) {
    case "Data":
      if (frame.wire !== undefined) return frame.wire
      if (frame === Frame.word) return wordWire
      if (frame === Frame.draining) return drainingWire
      return frame.draining === true ? encodeOther(frame) : encodeData(frame)
    case "Accepted":
      return acceptedWire
    default:
      return encodeOther(frame)
  }
}

const isAccepted = (bytes: Uint8Array): boolean =>
  bytes.byteLength === acceptedBytes.byteLength && acceptedBytes.every((byte, at) => byte === bytes[at])

const parse = <A>(read: () => A): Result.Result<A, Frame.FrameInvalid> =>
  Result.try({ try: read, catch: (cause) => new Frame.FrameInvalid({ detail: String(cause) }) })

/** Decodes a frame. Fields of type bytes are views of the argument. */
export const decode = (bytes: Uint8Array): Result.Result<Frame.Frame, Frame.FrameInvalid> =>
  isAccepted(bytes)
    ? Result.succeed(Frame.accepted)
    : Result.flatMap(
        parse(() => fromBinary(FrameSchema, bytes)),
        Frame.fromProto
      )

/** Decodes the rest of a Data frame, after the messages in `before`. */
export const decodeData = (
  bytes: Uint8Array,
  before: ReadonlyArray<Uint8Array>
): Result.Result<Frame.Data, Frame.FrameInvalid> =>
  Result.map(
    parse(() => fromBinary(DataSchema, bytes)),
    (data) => {
      const rest = Frame.fromData(data)
      return before.length === 0 ? rest : { ...rest, messages: [...before, ...rest.messages] }
    }
  )

/** Packed Data frame. A class for its one getter, which on an object of its own would outweigh a small frame. */
class Packed implements Frame.Data {
  readonly _tag = "Data"
  readonly wire: Uint8Array
  readonly partial: boolean

  constructor(wire: Uint8Array, partial: boolean) {
    this.wire = wire
    this.partial = partial
  }

  get messages(): ReadonlyArray<Uint8Array> {
    const messages: Array<Uint8Array> = []
    const data = this.wire.slice(Envelope.headerBytes)
    Batch.cut(data, 1 + Varint.sizeOf(Varint.read(data, 1)), messages)
    return messages
  }
}

/** Returns the Data frame of packed bytes. */
export const packed = (wire: Uint8Array, partial: boolean): Frame.Data => new Packed(wire, partial)
