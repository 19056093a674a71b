/**
 * Messages in transit, as values: what is sent many times is encoded once, and not decoded at all.
 *
 * The encoded form still exists, since its length decides what fits into a datagram; it serves as the key of the message.
 * Both are immutable, so that all hosts may share them.
 */
import { Result } from "effect"
import type { PacketMessage } from "../protocol/memberlist/Message.ts"
import * as MessageCodec from "../protocol/memberlist/MessageCodec.ts"

/** Two generations of what was encoded or decoded lately, in both directions. */
export interface Wire {
  messages: Map<Uint8Array, PacketMessage>
  messagesBefore: Map<Uint8Array, PacketMessage>
  bytes: Map<PacketMessage, Uint8Array>
  bytesBefore: Map<PacketMessage, Uint8Array>
}

const generationMax = 8192

export const make = (): Wire => ({
  messages: new Map(),
  messagesBefore: new Map(),
  bytes: new Map(),
  bytesBefore: new Map()
})

const remember = (wire: Wire, message: PacketMessage, encoded: Uint8Array): void => {
  if (wire.messages.size >= generationMax) {
    wire.messagesBefore = wire.messages
    wire.messages = new Map()
    wire.bytesBefore = wire.bytes
    wire.bytes = new Map()
  }
  wire.messages.set(encoded, message)
  if (isRumour(message)) wire.bytes.set(message, encoded)
}

/** Whether hosts pass a message on as they got it. */
const isRumour = ({ _tag }: PacketMessage): boolean =>
  _tag === "Suspect" || _tag === "Alive" || _tag === "Dead" || _tag === "User"

export const encode = (wire: Wire, message: PacketMessage): Uint8Array => {
  const known = isRumour(message) ? (wire.bytes.get(message) ?? wire.bytesBefore.get(message)) : undefined
  if (known !== undefined) return known
  const encoded = MessageCodec.encode(message)
  if (isRumour(message)) remember(wire, message, encoded)
  return encoded
}

/** The message with this encoded form; undefined for bytes that are none. */
export const decode = (wire: Wire, encoded: Uint8Array): PacketMessage | undefined => {
  const known = wire.messages.get(encoded) ?? wire.messagesBefore.get(encoded)
  if (known !== undefined) return known
  const message = Result.getOrUndefined(MessageCodec.decode(encoded))
  if (message !== undefined && isRumour(message)) remember(wire, message, encoded)
  return message
}
