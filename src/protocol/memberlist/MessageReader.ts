/**
 * Reads the struct of each message and makes the checks of section 18.
 *
 * Each function returns a message or the reason of its refusal. Byte arrays are copied out of the cursor's bytes.
 * Source: memberlist-wire.md, sections 3.2, 4 and 18; faults.md, rows U10, U14 and U18.
 */
import {
  type Ack,
  type Alive,
  type IndirectPing,
  MessageType,
  type Nack,
  type PacketMessage,
  type Ping
} from "./Message.ts"
import * as Cursor from "./MsgpackCursor.ts"
import * as Reader from "./MsgpackReader.ts"

export const nameBytesMax = 255
export const metaBytesMax = 512
export const addressBytesMax = 16
export const versionsBytes = 6
/** A longer payload of an ack is ignored; the ack still counts. */
export const ackPayloadBytesMax = 1024
export const portMax = 0xffff
export const u32Max = 0xffff_ffff

/**
 * Why a message was refused.
 *
 * "empty": no bytes, or a user message without payload. "type": not a packet message. "truncated": the struct goes on
 * after the end. "malformed": not the msgpack that the message needs. "name": empty, too long or not UTF-8. "address":
 * not 4 or 16 bytes. "meta": too long. "versions": not six bytes.
 */
export type MalformedReason = "empty" | "type" | "truncated" | "malformed" | "name" | "address" | "meta" | "versions"

const noBytes: Uint8Array = new Uint8Array(0)

const pingFields = Reader.shape("SeqNo", "Node", "SourceAddr", "SourcePort", "SourceNode")
const indirectFields = Reader.shape("SeqNo", "Target", "Port", "Node", "Nack", "SourceAddr", "SourcePort", "SourceNode")
const ackFields = Reader.shape("SeqNo", "Payload")
const nackFields = Reader.shape("SeqNo")
const verdictFields = Reader.shape("Incarnation", "Node", "From")
const aliveFields = Reader.shape("Incarnation", "Node", "Addr", "Port", "Meta", "Vsn")

/** Whether `bytes` has the length of an IPv4 or IPv6 address. */
export const isAddress = (bytes: Uint8Array | undefined): bytes is Uint8Array =>
  bytes !== undefined && (bytes.length === 4 || bytes.length === 16)

const isOptionalAddress = (bytes: Uint8Array | undefined): bytes is Uint8Array =>
  bytes !== undefined && (bytes.length === 0 || bytes.length === 4 || bytes.length === 16)

const readU32 = (cursor: Cursor.Cursor): number => Reader.readUnsigned(cursor, u32Max)
const readPort = (cursor: Cursor.Cursor): number => Reader.readUnsigned(cursor, portMax)
const readName = (cursor: Cursor.Cursor): string | undefined => Reader.readString(cursor, nameBytesMax)
const readAddress = (cursor: Cursor.Cursor): Uint8Array | undefined => Reader.readBytes(cursor, addressBytesMax)

export const readPing = (cursor: Cursor.Cursor): Ping | MalformedReason => {
  let seq = 0
  let node: string | undefined = ""
  let sourceAddress: Uint8Array | undefined = noBytes
  let sourcePort = 0
  let sourceNode: string | undefined = ""
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    switch (Reader.readField(cursor, pingFields)) {
      case "Node":
        node = readName(cursor)
        break
      case "SeqNo":
        seq = readU32(cursor)
        break
      case "SourceAddr":
        sourceAddress = readAddress(cursor)
        break
      case "SourceNode":
        sourceNode = readName(cursor)
        break
      case "SourcePort":
        sourcePort = readPort(cursor)
        break
      default:
        Cursor.skip(cursor)
    }
  }
  if (cursor.status !== "ok") return cursor.status
  if (node === undefined || sourceNode === undefined) return "name"
  if (!isOptionalAddress(sourceAddress)) return "address"
  return { _tag: "Ping", seq, node, sourceAddress, sourcePort, sourceNode }
}

const readIndirectPing = (cursor: Cursor.Cursor): IndirectPing | MalformedReason => {
  let seq = 0
  let target: Uint8Array | undefined = noBytes
  let port = 0
  let node: string | undefined = ""
  let nack = false
  let sourceAddress: Uint8Array | undefined = noBytes
  let sourcePort = 0
  let sourceNode: string | undefined = ""
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    switch (Reader.readField(cursor, indirectFields)) {
      case "Nack":
        nack = Reader.readBoolean(cursor)
        break
      case "Node":
        node = readName(cursor)
        break
      case "Port":
        port = readPort(cursor)
        break
      case "SeqNo":
        seq = readU32(cursor)
        break
      case "SourceAddr":
        sourceAddress = readAddress(cursor)
        break
      case "SourceNode":
        sourceNode = readName(cursor)
        break
      case "SourcePort":
        sourcePort = readPort(cursor)
        break
      case "Target":
        target = readAddress(cursor)
        break
      default:
        Cursor.skip(cursor)
    }
  }
  if (cursor.status !== "ok") return cursor.status
  if (node === undefined || sourceNode === undefined) return "name"
  if (!isAddress(target) || !isOptionalAddress(sourceAddress)) return "address"
  return { _tag: "IndirectPing", seq, target, port, node, nack, sourceAddress, sourcePort, sourceNode }
}

export const readAck = (cursor: Cursor.Cursor): Ack | MalformedReason => {
  let seq = 0
  let payload = noBytes
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    switch (Reader.readField(cursor, ackFields)) {
      case "Payload":
        payload = Reader.readBytes(cursor, ackPayloadBytesMax) ?? noBytes
        break
      case "SeqNo":
        seq = readU32(cursor)
        break
      default:
        Cursor.skip(cursor)
    }
  }
  return cursor.status === "ok" ? { _tag: "Ack", seq, payload } : cursor.status
}

const readNack = (cursor: Cursor.Cursor): Nack | MalformedReason => {
  let seq = 0
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    if (Reader.readField(cursor, nackFields) === "SeqNo") seq = readU32(cursor)
    else Cursor.skip(cursor)
  }
  return cursor.status === "ok" ? { _tag: "Nack", seq } : cursor.status
}

const readVerdict = (cursor: Cursor.Cursor, tag: "Suspect" | "Dead"): PacketMessage | MalformedReason => {
  let incarnation = 0
  let node: string | undefined = ""
  let from: string | undefined = ""
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    switch (Reader.readField(cursor, verdictFields)) {
      case "From":
        from = readName(cursor)
        break
      case "Incarnation":
        incarnation = readU32(cursor)
        break
      case "Node":
        node = readName(cursor)
        break
      default:
        Cursor.skip(cursor)
    }
  }
  if (cursor.status !== "ok") return cursor.status
  if (!node || !from) return "name"
  return { _tag: tag, incarnation, node, from }
}

const readAlive = (cursor: Cursor.Cursor): Alive | MalformedReason => {
  let incarnation = 0
  let node: string | undefined = ""
  let address: Uint8Array | undefined = noBytes
  let port = 0
  let meta: Uint8Array | undefined = noBytes
  let versions: Uint8Array | undefined = noBytes
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    switch (Reader.readField(cursor, aliveFields)) {
      case "Addr":
        address = readAddress(cursor)
        break
      case "Incarnation":
        incarnation = readU32(cursor)
        break
      case "Meta":
        meta = Reader.readBytes(cursor, metaBytesMax)
        break
      case "Node":
        node = readName(cursor)
        break
      case "Port":
        port = readPort(cursor)
        break
      case "Vsn":
        versions = Reader.readBytes(cursor, versionsBytes)
        break
      default:
        Cursor.skip(cursor)
    }
  }
  if (cursor.status !== "ok") return cursor.status
  if (!node) return "name"
  if (!isAddress(address)) return "address"
  if (meta === undefined) return "meta"
  if (versions?.length !== versionsBytes) return "versions"
  return { _tag: "Alive", incarnation, node, address, port, meta, versions }
}

/** Reads one message, type byte first, between `start` and `end`. */
export const read = (bytes: Uint8Array, start: number, end: number): PacketMessage | MalformedReason => {
  if (start >= end) return "empty"
  const cursor = Cursor.make(bytes, start + 1, end)
  switch (bytes[start]) {
    case MessageType.ping:
      return readPing(cursor)
    case MessageType.indirectPing:
      return readIndirectPing(cursor)
    case MessageType.ack:
      return readAck(cursor)
    case MessageType.nack:
      return readNack(cursor)
    case MessageType.suspect:
      return readVerdict(cursor, "Suspect")
    case MessageType.dead:
      return readVerdict(cursor, "Dead")
    case MessageType.alive:
      return readAlive(cursor)
    case MessageType.user:
      return end - start > 1 ? { _tag: "User", payload: Reader.copy(bytes, start + 1, end) } : "empty"
    default:
      return "type"
  }
}
