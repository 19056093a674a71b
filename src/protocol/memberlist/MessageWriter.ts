/**
 * Writes the struct of each message, type byte first, fields in sorted order.
 *
 * Source: memberlist-wire.md, sections 3.1 and 4.
 */
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
import * as Writer from "./MsgpackWriter.ts"

const writeSeq = (writer: Writer.Writer, seq: number): void => {
  Writer.writeField(writer, "SeqNo")
  Writer.writeUnsigned(writer, seq)
}

const writeSource = (writer: Writer.Writer, message: Ping | IndirectPing): void => {
  if (message.sourceAddress.length > 0) {
    Writer.writeField(writer, "SourceAddr")
    Writer.writeBytes(writer, message.sourceAddress)
  }
  if (message.sourceNode !== "") {
    Writer.writeField(writer, "SourceNode")
    Writer.writeString(writer, message.sourceNode)
  }
  if (message.sourcePort !== 0) {
    Writer.writeField(writer, "SourcePort")
    Writer.writeUnsigned(writer, message.sourcePort)
  }
}

const sourceFieldCount = (message: Ping | IndirectPing): number =>
  (message.sourceAddress.length > 0 ? 1 : 0) + (message.sourceNode !== "" ? 1 : 0) + (message.sourcePort !== 0 ? 1 : 0)

const writePing = (writer: Writer.Writer, message: Ping): void => {
  Writer.writeByte(writer, MessageType.ping)
  Writer.writeStruct(writer, 2 + sourceFieldCount(message))
  Writer.writeField(writer, "Node")
  Writer.writeString(writer, message.node)
  writeSeq(writer, message.seq)
  writeSource(writer, message)
}

const writeIndirectPing = (writer: Writer.Writer, message: IndirectPing): void => {
  Writer.writeByte(writer, MessageType.indirectPing)
  Writer.writeStruct(writer, 5 + sourceFieldCount(message))
  Writer.writeField(writer, "Nack")
  Writer.writeBoolean(writer, message.nack)
  Writer.writeField(writer, "Node")
  Writer.writeString(writer, message.node)
  Writer.writeField(writer, "Port")
  Writer.writeUnsigned(writer, message.port)
  writeSeq(writer, message.seq)
  writeSource(writer, message)
  Writer.writeField(writer, "Target")
  Writer.writeBytes(writer, message.target)
}

const writeAck = (writer: Writer.Writer, message: Ack): void => {
  Writer.writeByte(writer, MessageType.ack)
  Writer.writeStruct(writer, 2)
  Writer.writeField(writer, "Payload")
  Writer.writeBytes(writer, message.payload)
  writeSeq(writer, message.seq)
}

const writeVerdict = (writer: Writer.Writer, type: number, message: Suspect | Dead): void => {
  Writer.writeByte(writer, type)
  Writer.writeStruct(writer, 3)
  Writer.writeField(writer, "From")
  Writer.writeString(writer, message.from)
  Writer.writeField(writer, "Incarnation")
  Writer.writeUnsigned(writer, message.incarnation)
  Writer.writeField(writer, "Node")
  Writer.writeString(writer, message.node)
}

const writeAlive = (writer: Writer.Writer, message: Alive): void => {
  Writer.writeByte(writer, MessageType.alive)
  Writer.writeStruct(writer, 6)
  Writer.writeField(writer, "Addr")
  Writer.writeBytes(writer, message.address)
  Writer.writeField(writer, "Incarnation")
  Writer.writeUnsigned(writer, message.incarnation)
  Writer.writeField(writer, "Meta")
  Writer.writeBytes(writer, message.meta)
  Writer.writeField(writer, "Node")
  Writer.writeString(writer, message.node)
  Writer.writeField(writer, "Port")
  Writer.writeUnsigned(writer, message.port)
  Writer.writeField(writer, "Vsn")
  Writer.writeBytes(writer, message.versions)
}

const writeNack = (writer: Writer.Writer, message: Nack): void => {
  Writer.writeByte(writer, MessageType.nack)
  Writer.writeStruct(writer, 1)
  writeSeq(writer, message.seq)
}

/** Appends a message with its type byte; returns the writer. */
export const write = (writer: Writer.Writer, message: PacketMessage): Writer.Writer => {
  switch (message._tag) {
    case "Ping":
      writePing(writer, message)
      return writer
    case "IndirectPing":
      writeIndirectPing(writer, message)
      return writer
    case "Ack":
      writeAck(writer, message)
      return writer
    case "Nack":
      writeNack(writer, message)
      return writer
    case "Suspect":
      writeVerdict(writer, MessageType.suspect, message)
      return writer
    case "Dead":
      writeVerdict(writer, MessageType.dead, message)
      return writer
    case "Alive":
      writeAlive(writer, message)
      return writer
    case "User":
      Writer.writeByte(writer, MessageType.user)
      Writer.writeRaw(writer, message.payload)
      return writer
  }
}
