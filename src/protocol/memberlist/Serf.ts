/**
 * The part of Serf, on top of memberlist, that a host takes part in: a leave intent before it leaves.
 *
 * Serf counts a member that leaves without an intent as failed. An intent has a Lamport time, and an old time has no
 * effect: so a host follows the times in Serf's push/pull states and in the intents of its members.
 * Shape: a type byte, then a msgpack map with the fields of a Go struct.
 * Source: hashicorp/serf, serf/messages.go and serf/delegate.go, 0.8 to 0.10.
 */
import * as Fields from "./Fields.ts"
import * as Cursor from "./MsgpackCursor.ts"
import * as Writer from "./MsgpackWriter.ts"
import * as Struct from "./Struct.ts"

const messageType = { leaveIntent: 0, joinIntent: 1, state: 2 } as const

/** Bounds the values of a state, which lists all events at each of the last 512 times that had any. */
const stateValuesMax = 2 ** 20

/** The highest time that counts: no cluster could have reached a higher Lamport time. */
const timeMax = 2 ** 31

/** The Lamport time in a struct of Serf, which has another field that structs of other programs lack. */
const timeBeside = (other: string): Struct.Table<number, undefined> =>
  Struct.table(
    [Fields.unsigned("LTime", timeMax, "required"), Fields.anything(other)],
    (time) => time,
    (time) => [time, true]
  )

const intent = timeBeside("Node")
const state = timeBeside("StatusLTimes")

/** Returns the Lamport time in a map with all fields of a table; undefined for anything else. */
const timeIn = (bytes: Uint8Array, table: Struct.Table<number, undefined>): number | undefined => {
  const cursor = Cursor.make(bytes, 1, bytes.length)
  cursor.valuesLeft = stateValuesMax
  const time = Struct.read(cursor, table)
  return typeof time === "string" || cursor.positional ? undefined : time
}

/** Returns the Lamport time of a push/pull state; undefined when it is not a state of Serf. */
export const timeOfState = (bytes: Uint8Array): number | undefined =>
  bytes[0] === messageType.state ? timeIn(bytes, state) : undefined

/** Returns the Lamport time of a gossiped intent; undefined for any other message. */
export const timeOfIntent = (payload: Uint8Array): number | undefined =>
  payload[0] === messageType.leaveIntent || payload[0] === messageType.joinIntent ? timeIn(payload, intent) : undefined

/** Encodes the intent of `node` to leave at the Lamport time `time`. */
export const leaveIntent = (node: string, time: number): Uint8Array => {
  const writer = Writer.make()
  Writer.writeByte(writer, messageType.leaveIntent)
  Writer.writeStruct(writer, 3)
  Writer.writeField(writer, "LTime")
  Writer.writeUnsigned(writer, time)
  Writer.writeField(writer, "Node")
  Writer.writeString(writer, node)
  Writer.writeField(writer, "Prune")
  Writer.writeBoolean(writer, false)
  return Writer.finish(writer)
}
