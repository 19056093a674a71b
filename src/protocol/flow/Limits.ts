/**
 * Bounds of a flow. Source: faults.md, G9; security.md, D-17.
 *
 * The bounds of frames are one set: the content of a frame follows from its size on the wire, which any peer accepts
 * and none may exceed.
 */
import { Struct } from "effect"
import * as Varint from "./Varint.ts"

/** Largest frame, in bytes, without its envelope. Part of the protocol: peers of wire version 1 all read it. */
export const frameWireBytesMax = 128 * 1024

/** Bytes of a frame beside its messages and their lengths, or its error: tags, its length, a detail for people. */
const frameRestBytesMax = 4 * 1024

/** Largest declared error in one frame, in bytes; a larger one is cut, and such frames carry no detail. */
export const wholeErrorBytesMax = frameWireBytesMax - 32

/** Bounds of each flow, in bytes unless said otherwise. Errors: InvalidConfig for a value beyond its bounds. */
export interface Limits {
  /**
   * Largest message. A larger one is refused by the sender with MessageTooLarge, and fails the flow when it arrives.
   * From 1 to 2^30; 4,194,304 by default. The same on all hosts of a fabric; larger data is sent as several messages.
   */
  readonly messageBytesMax: number
  /**
   * Payload of one Data frame; a larger message is cut. From 1 to the rest of a frame of 131,072 bytes beside the
   * lengths of `frameMessagesMax` messages, 122,880 by default; 65,536 by default. Smaller shares a session more
   * evenly.
   */
  readonly frameBytesMax: number
  /** Messages in one Data frame. From 1 to 16,384; 1,024 by default. More takes room from `frameBytesMax`. */
  readonly frameMessagesMax: number
  /** Send buffer: bytes that wait for the link; one message may overshoot it. From 1 to 2^30; 65,536 by default. */
  readonly bufferBytesMax: number
  /**
   * Receive buffer: bytes that wait for the reader before the link is paused; a frame may overshoot it. From 1 to 2^30;
   * 8,192 by default. A flow that nobody reads holds this and the stream's window of 163,840 bytes.
   */
  readonly inboxBytesMax: number
}

export const defaults: Limits = {
  messageBytesMax: 4 * 1024 * 1024,
  frameBytesMax: 64 * 1024,
  frameMessagesMax: 1024,
  bufferBytesMax: 64 * 1024,
  inboxBytesMax: 8 * 1024
}

/** Most messages in a frame, at which their lengths take half of it. Part of the protocol: no peer may send more. */
export const frameMessagesMax = 16_384

/** Largest message that fits into one array. */
const bytesMax = 2 ** 30

/** Returns the payload that a whole frame leaves beside the lengths of `messages` messages. */
const payloadBytesMax = (messages: number): number =>
  frameWireBytesMax - frameRestBytesMax - messages * (1 + Varint.sizeOf(frameWireBytesMax))

/** Returns the first invalid limit, and why; undefined when all are valid. */
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
 * Returns the most bytes, in wire form, that both sides of a flow hold when its reader stalls, beside one message on
 * each side that was taken while there was room. Sender: its buffer, a frame in the link, a frame being written.
 * Receiver: its buffer and the frame that filled it, and on a network the stream's window and a message being
 * assembled; a window, and the bytes that may wait beside it, are three frames.
 */
export const stalledBytesMax = ({ bufferBytesMax, frameBytesMax, inboxBytesMax }: Limits): number =>
  bufferBytesMax + inboxBytesMax + 7 * frameBytesMax
