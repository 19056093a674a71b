/**
 * A Data frame that stays within the process while it is filled: each message is copied once, whole, as its reader gets it.
 *
 * Bounds: small messages share slabs, which grow with the frame up to `slabBytesMax`; a larger message is copied alone.
 */
import type { Data } from "./Frame.ts"
import { slabBytesMax } from "./Slabs.ts"

export interface Copies {
  readonly messages: Array<Uint8Array>
  /** How large the frame may become, in bytes. */
  readonly hintBytes: number
  slab: Uint8Array
  /** Where the next message goes in the slab. */
  at: number
  count: number
  /** The bytes of all messages. */
  payloadBytes: number
}

const nothing = new Uint8Array(0)

/** A frame of about so many bytes. */
export const make = (hintBytes: number): Copies => ({
  messages: [],
  hintBytes,
  slab: nothing,
  at: 0,
  count: 0,
  payloadBytes: 0
})

const copy = (copies: Copies, message: Uint8Array): Uint8Array => {
  const { byteLength } = message
  if (byteLength > slabBytesMax / 2) return new Uint8Array(message)
  if (copies.at + byteLength > copies.slab.byteLength) {
    const wanted = Math.max(copies.hintBytes, copies.payloadBytes, byteLength)
    copies.slab = new Uint8Array(Math.min(wanted, slabBytesMax))
    copies.at = 0
  }
  const { at, slab } = copies
  slab.set(message, at)
  copies.at = at + byteLength
  return new Uint8Array(slab.buffer, at, byteLength)
}

export const add = (copies: Copies, message: Uint8Array): void => {
  copies.messages.push(copy(copies, message))
  copies.count += 1
  copies.payloadBytes += message.byteLength
}

/** The frame, which takes no more messages. */
export const seal = ({ messages }: Copies): Data => ({ _tag: "Data", messages, partial: false })
