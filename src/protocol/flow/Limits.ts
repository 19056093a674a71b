/**
 * Bounds of a flow. Source: faults.md, rows D-16 and D-17, guarantee G9.
 *
 * Those of frames are one set: what may be in a frame follows from what a frame may take on the wire, which any peer accepts
 * and none may exceed.
 */
import { Struct } from "effect"
import * as Varint from "./Varint.ts"

/** Largest frame on the wire, in bytes, without its envelope. Part of the protocol: all peers of wire version 1 read it. */
export const frameWireBytesMax = 128 * 1024

/** What a frame takes beside its messages and their lengths, or its error: its tags, its length, a detail for people. */
const frameRestBytesMax = 4 * 1024

/** Largest declared error that travels in one frame, in bytes; a larger one is cut. Its frame has no detail. */
export const wholeErrorBytesMax = frameWireBytesMax - 32

export interface Limits {
  /** Largest message, in bytes; a larger one is refused before it is sent and fails the flow when it arrives. */
  readonly messageBytesMax: number
  /** Payload of one Data frame, in bytes; a larger message is cut. At most what `frameWireBytesMax` leaves for it. */
  readonly frameBytesMax: number
  /** Messages in one Data frame. */
  readonly frameMessagesMax: number
  /** What waits at the sender for its carrier, in bytes; one message may overshoot it. */
  readonly bufferBytesMax: number
  /** What waits at the receiver for its reader before the carrier is not read any further, in bytes; a frame may overshoot it. */
  readonly inboxBytesMax: number
}

export const defaults: Limits = {
  messageBytesMax: 4 * 1024 * 1024,
  frameBytesMax: 64 * 1024,
  frameMessagesMax: 1024,
  bufferBytesMax: 64 * 1024,
  inboxBytesMax: 8 * 1024
}

/** The most messages of a frame, whose lengths then take half of it. Part of the protocol: no peer may send more. */
export const frameMessagesMax = 16_384

/** A message fits into one array. */
const bytesMax = 2 ** 30

/** What a whole frame leaves for its payload, with the lengths of so many messages. */
const payloadBytesMax = (messages: number): number =>
  frameWireBytesMax - frameRestBytesMax - messages * (1 + Varint.sizeOf(frameWireBytesMax))

/** What is wrong with the first limit that cannot work, if any. */
export const violation = (limits: Limits): { readonly limit: keyof Limits; readonly detail: string } | undefined => {
  const most = {
    messageBytesMax: bytesMax,
    frameMessagesMax,
    frameBytesMax: payloadBytesMax(limits.frameMessagesMax),
    bufferBytesMax: bytesMax,
    inboxBytesMax: bytesMax
  } as const
  for (const limit of Struct.keys(most)) {
    const [value, max] = [limits[limit], most[limit]]
    if (Number.isSafeInteger(value) && value >= 1 && value <= max) continue
    const why = limit === "frameBytesMax" ? `, what a frame of ${frameWireBytesMax} bytes leaves for it` : ""
    return { limit, detail: `${value} is no whole number from 1 to ${max}${why}` }
  }
  return undefined
}

/** Bookkeeping cost of a waiting message, in bytes, so that empty messages are bounded too. */
export const messageOverheadBytes = 32

export const weight = (message: { readonly byteLength: number }): number => message.byteLength + messageOverheadBytes

export const weightOf = (messages: ReadonlyArray<{ readonly byteLength: number }>): number => {
  let bytes = messages.length * messageOverheadBytes
  for (const { byteLength } of messages) bytes += byteLength
  return bytes
}

/**
 * What both sides of a flow whose reader has stalled hold together, in bytes on the wire, beside one message on each
 * that was taken while there was room. The sender: what waits, a frame that a link may hold, one that the carrier writes.
 * The receiver: what waits and the frame that filled it, and on a network the carrier's window and a message that is being
 * put together; a window, and what may wait beside it, are three frames.
 */
export const stalledBytesMax = ({ bufferBytesMax, frameBytesMax, inboxBytesMax }: Limits): number =>
  bufferBytesMax + inboxBytesMax + 7 * frameBytesMax
