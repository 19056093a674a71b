/**
 * Data frame under construction: each message is copied once, to its place on the wire.
 *
 * Shape: room for the header, then the messages as protobuf `repeated bytes`. The header (the envelope, the tag and the
 * length of Data) is written when the frame is sealed, right before the first message: only then its length is known.
 * Bounds: a packing grows by doubling, from its first message on, until it takes a buffer for a whole frame.
 * Source: `proto/grinta/v1/flow.proto`; the protobuf encoding guide; the Connect protocol.
 */
import * as Buffers from "./Buffers.ts"
import * as Envelope from "./Envelope.ts"
import * as Varint from "./Varint.ts"

/** Field numbers with their wire types: `Frame.data`, `Data.messages`, `Data.partial`. */
export const dataTag = 0x22
export const messagesTag = 0x0a
export const partialTag = 0x10

/** Room for the header: the envelope, the tag, the length. */
const headerBytesMax = Envelope.headerBytes + 1 + 5

/** Room for `partial: true`, behind the last message. */
const trailerBytes = 2

export interface Packing {
  bytes: Uint8Array
  /** Offset of the next message. */
  at: number
  count: number
  /** Bytes of the messages alone. */
  payloadBytes: number
}

/** Returns an empty packing for about `bytes` bytes of messages with their lengths. */
export const make = (bytes: number, buffers: Buffers.Buffers): Packing => ({
  bytes: Buffers.take(buffers, headerBytesMax + bytes + trailerBytes),
  at: headerBytesMax,
  count: 0,
  payloadBytes: 0
})

/** Returns the size of a message on the wire, with its tag and length. */
export const sizeOf = (messageBytes: number): number => 1 + Varint.sizeOf(messageBytes) + messageBytes

const grow = (packing: Packing, wantedBytes: number, buffers: Buffers.Buffers): void => {
  const grown = Buffers.take(buffers, Math.max(wantedBytes, 2 * packing.bytes.byteLength))
  grown.set(packing.bytes.subarray(headerBytesMax, packing.at), headerBytesMax)
  Buffers.give(buffers, packing.bytes)
  packing.bytes = grown
}

/** Copies a message into the frame. */
export const add = (packing: Packing, message: Uint8Array, buffers: Buffers.Buffers): void => {
  const { byteLength } = message
  const wantedBytes = packing.at + sizeOf(byteLength) + trailerBytes
  if (wantedBytes > packing.bytes.byteLength) grow(packing, wantedBytes, buffers)
  const { bytes } = packing
  bytes[packing.at] = messagesTag
  const start = Varint.write(bytes, packing.at + 1, byteLength)
  bytes.set(message, start)
  packing.at = start + byteLength
  packing.count += 1
  packing.payloadBytes += byteLength
}

/** Returns the frame in its envelope, a view of the packing. Add no messages afterwards. */
export const seal = (packing: Packing, partial: boolean): Uint8Array => {
  const { bytes } = packing
  if (partial) {
    bytes[packing.at++] = partialTag
    bytes[packing.at++] = 1
  }
  const dataBytes = packing.at - headerBytesMax
  const tagAt = headerBytesMax - Varint.sizeOf(dataBytes) - 1
  Varint.write(bytes, tagAt + 1, dataBytes)
  bytes[tagAt] = dataTag
  const start = tagAt - Envelope.headerBytes
  Envelope.writeHeader(bytes, start, packing.at - tagAt)
  return bytes.subarray(start, packing.at)
}
