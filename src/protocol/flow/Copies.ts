/**
 * Frame under construction for a reader within the process: message bytes are copied once.
 *
 * Bounds: small messages share slabs, which grow with the frame up to `slabBytesMax`; larger ones are copied alone.
 */
import type { Local } from "./Frame.ts"
import { type Message, Value } from "./Message.ts"

export interface Copies {
  readonly messages: Array<Message>
  /** Expected size of the frame, in bytes. */
  readonly hintBytes: number
  slab: Uint8Array
  /** Buffer of the slab: asking the slab for it is slower. */
  buffer: ArrayBuffer
  /** Offset of the next message in the slab. */
  at: number
  count: number
  /** Bytes of all messages. */
  payloadBytes: number
}

/** Size of a slab, in bytes: the most memory that a small message keeps alive. */
export const slabBytesMax = 8 * 1024

const noBuffer = new ArrayBuffer(0)
const nothing = new Uint8Array(noBuffer)

/** Starts a frame of about `hintBytes` bytes. */
export const make = (hintBytes: number): Copies => ({
  messages: [],
  hintBytes,
  slab: nothing,
  buffer: noBuffer,
  at: 0,
  count: 0,
  payloadBytes: 0
})

const copy = (copies: Copies, message: Uint8Array): Uint8Array => {
  const { byteLength } = message
  if (byteLength > slabBytesMax / 2) return new Uint8Array(message)
  if (copies.at + byteLength > copies.slab.byteLength) {
    const wanted = Math.max(copies.hintBytes, copies.payloadBytes, byteLength)
    copies.buffer = new ArrayBuffer(Math.min(wanted, slabBytesMax))
    copies.slab = new Uint8Array(copies.buffer)
    copies.at = 0
  }
  const { at, buffer, slab } = copies
  slab.set(message, at)
  copies.at = at + byteLength
  return new Uint8Array(buffer, at, byteLength)
}

/** Adds a message: a copy of its bytes, or a value as it is. */
export const add = (copies: Copies, message: Message): void => {
  copies.messages.push(message instanceof Value ? message : copy(copies, message))
  copies.count += 1
  copies.payloadBytes += message.byteLength
}

/** Returns the finished frame. Add no messages afterwards. */
export const seal = ({ messages }: Copies): Local => ({ _tag: "Local", messages })
