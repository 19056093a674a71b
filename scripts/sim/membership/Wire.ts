/**
 * Messages in transit, as values: what is sent many times is encoded once, and not decoded at all.
 *
 * The encoded form still exists, since its length decides what fits into a datagram; it serves as the key of the message.
 * Both are immutable, so that all hosts may share them.
 */
import { Result } from "effect"
import type { PacketMessage } from "../../../src/protocol/memberlist/Message.ts"
import * as MessageCodec from "../../../src/protocol/memberlist/MessageCodec.ts"

/** Messages encoded or decoded lately, in both directions: two generations of it, but for user messages. */
export interface Wire {
  messages: Map<Uint8Array, PacketMessage>
  messagesBefore: Map<Uint8Array, PacketMessage>
  bytes: Map<PacketMessage, Uint8Array>
  bytesBefore: Map<PacketMessage, Uint8Array>
  /** User messages, by their encoded form, and encoded ones, by the payload that hosts pass on as they got it. */
  readonly users: WeakMap<Uint8Array, PacketMessage>
  readonly userBytes: WeakMap<Uint8Array, Uint8Array>
}

const generationMax = 8192

export const make = (): Wire => ({
  messages: new Map(),
  messagesBefore: new Map(),
  bytes: new Map(),
  bytesBefore: new Map(),
  users: new WeakMap(),
  userBytes: new WeakMap()
})

const remember = (wire: Wire, message: PacketMessage, encoded: Uint8Array): void => {
  if (message._tag === "User") {
    wire.users.set(encoded, message)
    wire.userBytes.set(message.payload, encoded)
    return
  }
  if (wire.messages.size >= generationMax) {
    wire.messagesBefore = wire.messages
    wire.messages = new Map()
    wire.bytesBefore = wire.bytes
    wire.bytes = new Map()
  }
  wire.messages.set(encoded, message)
  wire.bytes.set(message, encoded)
}

/** Whether hosts pass a message on as they got it. */
const isRumour = ({ _tag }: PacketMessage): boolean =>
  _tag === "Suspect" || _tag === "Alive" || _tag === "Dead" || _tag === "User"

const bytesOf = (wire: Wire, message: PacketMessage): Uint8Array | undefined =>
  message._tag === "User"
    ? wire.userBytes.get(message.payload)
    : (wire.bytes.get(message) ?? wire.bytesBefore.get(message))

export const encode = (wire: Wire, message: PacketMessage): Uint8Array => {
  const known = isRumour(message) ? bytesOf(wire, message) : undefined
  if (known !== undefined) return known
  const encoded = MessageCodec.encode(message)
  if (isRumour(message)) remember(wire, message, encoded)
  return encoded
}

/** First byte of an encoded user message. */
const userType = 8

const messageOf = (wire: Wire, encoded: Uint8Array): PacketMessage | undefined =>
  encoded[0] === userType ? wire.users.get(encoded) : (wire.messages.get(encoded) ?? wire.messagesBefore.get(encoded))

/** The message with this encoded form; undefined for bytes that are none. */
export const decode = (wire: Wire, encoded: Uint8Array): PacketMessage | undefined => {
  const known = messageOf(wire, encoded)
  if (known !== undefined) return known
  const message = Result.getOrUndefined(MessageCodec.decode(encoded))
  if (message !== undefined && isRumour(message)) remember(wire, message, encoded)
  return message
}
