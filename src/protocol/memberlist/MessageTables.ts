/**
 * The tables of the messages in packets, and what reads and writes a message by its type byte.
 *
 * Source: memberlist-wire.md, sections 3, 4 and 18.
 */
import * as Fields from "./Fields.ts"
import {
  type Ack,
  type Alive,
  type Dead,
  type IndirectPing,
  MessageType,
  type Nack,
  type PacketMessage,
  type Ping,
  type Suspect
} from "./Message.ts"
import * as Cursor from "./MsgpackCursor.ts"
import { copy } from "./MsgpackReader.ts"
import * as Writer from "./MsgpackWriter.ts"
import * as Struct from "./Struct.ts"

/**
 * Why a message was refused.
 *
 * "empty": no bytes, or a user message without payload. "type": not a packet message. "truncated": the struct goes on
 * after the end. "malformed": not the msgpack that the message needs. Others: see
 * `Fault`.
 */
export type MalformedReason = "empty" | "type" | "truncated" | "malformed" | Exclude<Struct.Fault, "state">

/** A longer payload of an ack is ignored; the ack still counts. */
const ackPayloadBytesMax = 1024

export const ping = Struct.table(
  [
    Fields.unsigned("SeqNo"),
    Fields.name("Node", "default"),
    Fields.address("SourceAddr", "optional"),
    Fields.port("SourcePort", "optional"),
    Fields.name("SourceNode", "optional")
  ],
  (seq, node, sourceAddress, sourcePort, sourceNode): Ping => ({
    _tag: "Ping",
    seq,
    node,
    sourceAddress,
    sourcePort,
    sourceNode
  }),
  ({ seq, node, sourceAddress, sourcePort, sourceNode }) => [seq, node, sourceAddress, sourcePort, sourceNode]
)

const indirectPing = Struct.table(
  [
    Fields.unsigned("SeqNo"),
    Fields.address("Target"),
    Fields.port("Port"),
    Fields.name("Node", "default"),
    Fields.boolean("Nack"),
    Fields.address("SourceAddr", "optional"),
    Fields.port("SourcePort", "optional"),
    Fields.name("SourceNode", "optional")
  ],
  (seq, target, port, node, nack, sourceAddress, sourcePort, sourceNode): IndirectPing => ({
    _tag: "IndirectPing",
    seq,
    target,
    port,
    node,
    nack,
    sourceAddress,
    sourcePort,
    sourceNode
  }),
  (to) => [to.seq, to.target, to.port, to.node, to.nack, to.sourceAddress, to.sourcePort, to.sourceNode]
)

export const ack = Struct.table(
  [Fields.unsigned("SeqNo"), Fields.payload("Payload", ackPayloadBytesMax)],
  (seq, payload): Ack => ({ _tag: "Ack", seq, payload }),
  ({ seq, payload }) => [seq, payload]
)

const nack = Struct.table(
  [Fields.unsigned("SeqNo")],
  (seq): Nack => ({ _tag: "Nack", seq }),
  ({ seq }) => [seq]
)

const verdict = [Fields.unsigned("Incarnation"), Fields.name("Node"), Fields.name("From")] as const

const suspect = Struct.table(
  verdict,
  (incarnation, node, from): Suspect => ({ _tag: "Suspect", incarnation, node, from }),
  ({ incarnation, node, from }) => [incarnation, node, from]
)

const dead = Struct.table(
  verdict,
  (incarnation, node, from): Dead => ({ _tag: "Dead", incarnation, node, from }),
  ({ incarnation, node, from }) => [incarnation, node, from]
)

const alive = Struct.table(
  [
    Fields.unsigned("Incarnation"),
    Fields.name("Node"),
    Fields.address("Addr"),
    Fields.port("Port"),
    Fields.meta("Meta"),
    Fields.versions("Vsn")
  ],
  (incarnation, node, address, port, meta, versions): Alive => ({
    _tag: "Alive",
    incarnation,
    node,
    address,
    port,
    meta,
    versions
  }),
  ({ incarnation, node, address, port, meta, versions }) => [incarnation, node, address, port, meta, versions]
)

/** Reads one message, type byte first, between `start` and `end`. */
export const read = (bytes: Uint8Array, start: number, end: number): PacketMessage | MalformedReason => {
  if (start >= end) return "empty"
  const cursor = Cursor.make(bytes, start + 1, end)
  switch (bytes[start]) {
    case MessageType.ping:
      return Struct.read(cursor, ping)
    case MessageType.indirectPing:
      return Struct.read(cursor, indirectPing)
    case MessageType.ack:
      return Struct.read(cursor, ack)
    case MessageType.nack:
      return Struct.read(cursor, nack)
    case MessageType.suspect:
      return Struct.read(cursor, suspect)
    case MessageType.dead:
      return Struct.read(cursor, dead)
    case MessageType.alive:
      return Struct.read(cursor, alive)
    case MessageType.user:
      return end - start > 1 ? { _tag: "User", payload: copy(bytes, start + 1, end) } : "empty"
    default:
      return "type"
  }
}

/** Appends a message with its type byte; returns the writer. */
export const write = (writer: Writer.Writer, message: PacketMessage): Writer.Writer => {
  const append = <A>(type: number, table: Struct.Table<A, Struct.Fault | undefined>, struct: A): Writer.Writer => {
    Writer.writeByte(writer, type)
    Struct.write(writer, table, struct)
    return writer
  }
  switch (message._tag) {
    case "Ping":
      return append(MessageType.ping, ping, message)
    case "IndirectPing":
      return append(MessageType.indirectPing, indirectPing, message)
    case "Ack":
      return append(MessageType.ack, ack, message)
    case "Nack":
      return append(MessageType.nack, nack, message)
    case "Suspect":
      return append(MessageType.suspect, suspect, message)
    case "Dead":
      return append(MessageType.dead, dead, message)
    case "Alive":
      return append(MessageType.alive, alive, message)
    case "User":
      Writer.writeByte(writer, MessageType.user)
      Writer.writeRaw(writer, message.payload)
      return writer
  }
}
