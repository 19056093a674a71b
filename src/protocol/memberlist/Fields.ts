/**
 * The fields of memberlist's structs, by what their values are.
 *
 * Each function takes the name of a field. Byte arrays are copied out of the cursor's bytes, except by {@link view}.
 * Source: memberlist-wire.md, sections 3, 4 and 18; faults.md, rows U10, U14 and U18.
 */
import { type NodeState, nodeStates } from "./Message.ts"
import * as Cursor from "./MsgpackCursor.ts"
import * as Reader from "./MsgpackReader.ts"
import * as Writer from "./MsgpackWriter.ts"
import type { Field, Presence } from "./Struct.ts"

const nameBytesMax = 255
const metaBytesMax = 512
const addressBytesMax = 16
const versionsBytes = 6
const portMax = 0xffff
const u32Max = 0xffff_ffff

const noBytes: Uint8Array = new Uint8Array(0)
const lossyDecoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** An unsigned integer; above `max` the struct is malformed. */
export const unsigned = (name: string, max = u32Max, presence: Presence = "default"): Field<number> => ({
  ...{ name, presence, fault: undefined, initial: 0 },
  read: (cursor) => Reader.readUnsigned(cursor, max),
  write: Writer.writeUnsigned
})

export const port = (name: string, presence?: Presence): Field<number> => unsigned(name, portMax, presence)

/** A signed integer of any size. */
export const integer = (name: string): Field<number> => ({
  ...{ name, presence: "default", fault: undefined, initial: 0 },
  read: Reader.readInteger,
  write: Writer.writeSigned
})

export const boolean = (name: string): Field<boolean> => ({
  ...{ name, presence: "default", fault: undefined, initial: false },
  read: Reader.readBoolean,
  write: Writer.writeBoolean
})

/** A name of a node, at most 255 bytes of UTF-8. */
export const name = (name: string, presence: Presence = "required"): Field<string, "name"> => ({
  ...{ name, presence, fault: "name", initial: "" },
  read:
    presence === "required"
      ? (cursor) => Reader.readString(cursor, nameBytesMax) || undefined
      : (cursor) => Reader.readString(cursor, nameBytesMax),
  write: Writer.writeString
})

/** Text of any encoding; it is cut after `bytesMax` bytes. */
export const lossyText = (name: string, bytesMax: number): Field<string> => ({
  ...{ name, presence: "default", fault: undefined, initial: "" },
  read: (cursor) => lossyDecoder.decode(Reader.readView(cursor).subarray(0, bytesMax)),
  write: Writer.writeString
})

/** An IPv4 or IPv6 address; unless it is required it may be empty. */
export const address = (name: string, presence: Presence = "required"): Field<Uint8Array, "address"> => ({
  ...{ name, presence, fault: "address", initial: noBytes },
  read: (cursor) => {
    const bytes = Reader.readBytes(cursor, addressBytesMax)
    const length = bytes?.length
    return length === 4 || length === 16 || (length === 0 && presence !== "required") ? bytes : undefined
  },
  write: Writer.writeBytes
})

export const meta = (name: string): Field<Uint8Array, "meta"> => ({
  ...{ name, presence: "default", fault: "meta", initial: noBytes },
  read: (cursor) => Reader.readBytes(cursor, metaBytesMax),
  write: Writer.writeBytes
})

/** Six bytes: protocol min, max, current, delegate min, max, current. */
export const versions = (name: string): Field<Uint8Array, "versions"> => ({
  ...{ name, presence: "required", fault: "versions", initial: noBytes },
  read: (cursor) => {
    const bytes = Reader.readBytes(cursor, versionsBytes)
    return bytes?.length === versionsBytes ? bytes : undefined
  },
  write: Writer.writeBytes
})

/** Bytes that are ignored, and taken for none, when there are more than `bytesMax`. */
export const payload = (name: string, bytesMax: number): Field<Uint8Array> => ({
  ...{ name, presence: "default", fault: undefined, initial: noBytes },
  read: (cursor) => Reader.readBytes(cursor, bytesMax) ?? noBytes,
  write: Writer.writeBytes
})

/** Bytes of any length; the value shares the cursor's bytes. */
export const view = (name: string): Field<Uint8Array> => ({
  ...{ name, presence: "default", fault: undefined, initial: noBytes },
  read: Reader.readView,
  write: Writer.writeBytes
})

/** The state of a node, on the wire its place among `nodeStates`. */
export const state = (name: string): Field<NodeState["state"], "state"> => ({
  ...{ name, presence: "default", fault: "state", initial: "alive" },
  read: (cursor) => nodeStates[Reader.readInteger(cursor)],
  write: (writer, value) => Writer.writeSigned(writer, nodeStates.indexOf(value))
})

/** A required value of any kind, which is skipped, and written as nil. */
export const anything = (name: string): Field<boolean> => ({
  ...{ name, presence: "required", fault: undefined, initial: false },
  read: (cursor) => {
    Cursor.skip(cursor)
    return true
  },
  write: (writer) => Writer.writeBytes(writer, noBytes)
})
