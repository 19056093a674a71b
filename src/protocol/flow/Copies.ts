/**
 * A frame that stays within the process while it is filled: bytes are copied once, as their reader gets them.
 *
 * Bounds: small messages share slabs, which grow with the frame up to `slabBytesMax`; a larger message is copied alone.
 */
import type { Local } from "./Frame.ts"
import { type Message, Value } from "./Message.ts"

export interface Copies {
  readonly messages: Array<Message>
  /** How large the frame may become, in bytes. */
  readonly hintBytes: number
  slab: Uint8Array
  /** That of the slab: to ask the slab takes longer. */
  buffer: ArrayBuffer
  /** Where the next message goes in the slab. */
  at: number
  count: number
  /** The bytes of all messages. */
  payloadBytes: number
}

/** What a message that is kept may keep alive with it. */
export const slabBytesMax = 8 * 1024

const noBuffer = new ArrayBuffer(0)
const nothing = new Uint8Array(noBuffer)

/** A frame of about so many bytes. */
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

/** Takes a message: a copy of its bytes, or a value as it is. */
export const add = (copies: Copies, message: Message): void => {
  copies.messages.push(message instanceof Value ? message : copy(copies, message))
  copies.count += 1
  copies.payloadBytes += message.byteLength
}

/** The frame, which takes no more messages. */
export const seal = ({ messages }: Copies): Local => ({ _tag: "Local", messages })
