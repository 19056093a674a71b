/**
 * The structs that only streams carry: headers, node states and errors.
 *
 * Shape of a push/pull: type byte 6, the header, the declared number of node states, then the raw user state.
 * A cursor may end early: its status is then "truncated", and the caller reads again when more bytes have come.
 * Source: memberlist-wire.md, sections 4, 6.3 and 18; faults.md, rows S3 and S4.
 */
import * as Fields from "./Fields.ts"
import { type Err, MessageType, type NodeState, type PushPull, type User } from "./Message.ts"
import * as Writer from "./MsgpackWriter.ts"
import * as Struct from "./Struct.ts"

/** Longer error texts are cut. */
export const errorBytesMax = 1024

export interface PushPullHeader {
  /** As the peer declares it: may be negative or huge. */
  readonly nodes: number
  readonly userStateBytes: number
  readonly join: boolean
}

export const header = Struct.table(
  [Fields.integer("Nodes"), Fields.integer("UserStateLen"), Fields.boolean("Join")],
  (nodes, userStateBytes, join): PushPullHeader => ({ nodes, userStateBytes, join }),
  ({ nodes, userStateBytes, join }) => [nodes, userStateBytes, join]
)

/** A node state that is refused is left out of the push/pull; the others still count. */
export const node = Struct.table(
  [
    Fields.name("Name"),
    Fields.address("Addr"),
    Fields.port("Port"),
    Fields.meta("Meta"),
    Fields.unsigned("Incarnation"),
    Fields.state("State"),
    Fields.versions("Vsn")
  ],
  (name, address, port, meta, incarnation, state, versions): NodeState => ({
    name,
    address,
    port,
    meta,
    incarnation,
    state,
    versions
  }),
  (node) => [node.name, node.address, node.port, node.meta, node.incarnation, node.state, node.versions]
)

/** The number of bytes of a user message as the peer declares it: may be negative or huge. */
export const userBytes = Struct.table(
  [Fields.integer("UserMsgLen")],
  (bytes) => bytes,
  (bytes) => [bytes]
)

export const err = Struct.table(
  [Fields.lossyText("Error", errorBytesMax)],
  (error): Err => ({ _tag: "Err", error }),
  ({ error }) => [error]
)

/** Appends a push/pull with its type byte; returns the writer. */
export const writePushPull = (writer: Writer.Writer, { join, nodes, userState }: PushPull): Writer.Writer => {
  Writer.writeByte(writer, MessageType.pushPull)
  Struct.write(writer, header, { join, nodes: nodes.length, userStateBytes: userState.length })
  for (const one of nodes) Struct.write(writer, node, one)
  Writer.writeRaw(writer, userState)
  return writer
}

/** Appends a user message with its type byte and header; returns the writer. */
export const writeUser = (writer: Writer.Writer, { payload }: User): Writer.Writer => {
  Writer.writeByte(writer, MessageType.user)
  Struct.write(writer, userBytes, payload.length)
  Writer.writeRaw(writer, payload)
  return writer
}

/** Appends an error with its type byte; returns the writer. */
export const writeErr = (writer: Writer.Writer, message: Err): Writer.Writer => {
  Writer.writeByte(writer, MessageType.err)
  Struct.write(writer, err, message)
  return writer
}
