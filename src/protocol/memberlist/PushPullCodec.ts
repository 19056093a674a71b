/**
 * The structs that only streams carry: headers, node states and errors.
 *
 * Shape of a push/pull: type byte 6, the header, the declared number of node states, then the raw user state.
 * A cursor may end early: its status is then "truncated", and the caller reads again when more bytes have come.
 * Source: memberlist-wire.md, sections 4, 6.3 and 18; faults.md, rows S3 and S4.
 */
import { type Err, MessageType, type NodeState, NodeStateCode, type PushPull, type User } from "./Message.ts"
import {
  addressBytesMax,
  isAddress,
  metaBytesMax,
  nameBytesMax,
  portMax,
  u32Max,
  versionsBytes
} from "./MessageReader.ts"
import * as Cursor from "./MsgpackCursor.ts"
import * as Reader from "./MsgpackReader.ts"
import * as Writer from "./MsgpackWriter.ts"

/** Longer error texts are cut. */
export const errorBytesMax = 1024

/** Why a node state is left out of a push/pull; the others still count. */
export type SkipReason = "name" | "address" | "meta" | "state" | "versions"

export interface PushPullHeader {
  /** As the peer declares it: may be negative or huge. */
  readonly nodes: number
  readonly userStateBytes: number
  readonly join: boolean
}

const states = ["alive", "suspect", "dead", "left"] as const

const noBytes: Uint8Array = new Uint8Array(0)
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true })

const headerFields = Reader.shape("Nodes", "UserStateLen", "Join")
const nodeFields = Reader.shape("Name", "Addr", "Port", "Meta", "Incarnation", "State", "Vsn")
const userFields = Reader.shape("UserMsgLen")
const errFields = Reader.shape("Error")

export const readHeader = (cursor: Cursor.Cursor): PushPullHeader => {
  let nodes = 0
  let userStateBytes = 0
  let join = false
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    switch (Reader.readField(cursor, headerFields)) {
      case "Join":
        join = Reader.readBoolean(cursor)
        break
      case "Nodes":
        nodes = Reader.readInteger(cursor)
        break
      case "UserStateLen":
        userStateBytes = Reader.readInteger(cursor)
        break
      default:
        Cursor.skip(cursor)
    }
  }
  return { nodes, userStateBytes, join }
}

/** Reads one node state, or returns why it is left out; check the cursor's status first. */
export const readNode = (cursor: Cursor.Cursor): NodeState | SkipReason => {
  let name: string | undefined = ""
  let address: Uint8Array | undefined = noBytes
  let port = 0
  let meta: Uint8Array | undefined = noBytes
  let incarnation = 0
  let code = 0
  let versions: Uint8Array | undefined = noBytes
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    switch (Reader.readField(cursor, nodeFields)) {
      case "Addr":
        address = Reader.readBytes(cursor, addressBytesMax)
        break
      case "Incarnation":
        incarnation = Reader.readUnsigned(cursor, u32Max)
        break
      case "Meta":
        meta = Reader.readBytes(cursor, metaBytesMax)
        break
      case "Name":
        name = Reader.readString(cursor, nameBytesMax)
        break
      case "Port":
        port = Reader.readUnsigned(cursor, portMax)
        break
      case "State":
        code = Reader.readInteger(cursor)
        break
      case "Vsn":
        versions = Reader.readBytes(cursor, versionsBytes)
        break
      default:
        Cursor.skip(cursor)
    }
  }
  const state = states[code]
  if (!name) return "name"
  if (!isAddress(address)) return "address"
  if (meta === undefined) return "meta"
  if (state === undefined) return "state"
  if (versions?.length !== versionsBytes) return "versions"
  return { name, address, port, meta, incarnation, state, versions }
}

/** Reads the declared length of a user message in bytes, which may be negative or huge. */
export const readUserHeader = (cursor: Cursor.Cursor): number => {
  let bytes = 0
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    if (Reader.readField(cursor, userFields) === "UserMsgLen") bytes = Reader.readInteger(cursor)
    else Cursor.skip(cursor)
  }
  return bytes
}

export const readErr = (cursor: Cursor.Cursor): Err => {
  let text = noBytes
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    if (Reader.readField(cursor, errFields) === "Error") text = Reader.readView(cursor)
    else Cursor.skip(cursor)
  }
  return { _tag: "Err", error: textDecoder.decode(text.subarray(0, errorBytesMax)) }
}

const writeNode = (writer: Writer.Writer, node: NodeState): void => {
  Writer.writeStruct(writer, 7)
  Writer.writeField(writer, "Addr")
  Writer.writeBytes(writer, node.address)
  Writer.writeField(writer, "Incarnation")
  Writer.writeUnsigned(writer, node.incarnation)
  Writer.writeField(writer, "Meta")
  Writer.writeBytes(writer, node.meta)
  Writer.writeField(writer, "Name")
  Writer.writeString(writer, node.name)
  Writer.writeField(writer, "Port")
  Writer.writeUnsigned(writer, node.port)
  Writer.writeField(writer, "State")
  Writer.writeSigned(writer, NodeStateCode[node.state])
  Writer.writeField(writer, "Vsn")
  Writer.writeBytes(writer, node.versions)
}

/** Appends a push/pull with its type byte; returns the writer. */
export const writePushPull = (writer: Writer.Writer, message: PushPull): Writer.Writer => {
  Writer.writeByte(writer, MessageType.pushPull)
  Writer.writeStruct(writer, 3)
  Writer.writeField(writer, "Join")
  Writer.writeBoolean(writer, message.join)
  Writer.writeField(writer, "Nodes")
  Writer.writeSigned(writer, message.nodes.length)
  Writer.writeField(writer, "UserStateLen")
  Writer.writeSigned(writer, message.userState.length)
  for (const node of message.nodes) writeNode(writer, node)
  Writer.writeRaw(writer, message.userState)
  return writer
}

/** Appends a user message with its type byte and header; returns the writer. */
export const writeUser = (writer: Writer.Writer, message: User): Writer.Writer => {
  Writer.writeByte(writer, MessageType.user)
  Writer.writeStruct(writer, 1)
  Writer.writeField(writer, "UserMsgLen")
  Writer.writeSigned(writer, message.payload.length)
  Writer.writeRaw(writer, message.payload)
  return writer
}

/** Appends an error with its type byte; returns the writer. */
export const writeErr = (writer: Writer.Writer, message: Err): Writer.Writer => {
  Writer.writeByte(writer, MessageType.err)
  Writer.writeStruct(writer, 1)
  Writer.writeField(writer, "Error")
  Writer.writeString(writer, message.error)
  return writer
}
