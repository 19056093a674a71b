/**
 * What Serf puts on top of memberlist, as far as a host takes part in it: it says that it is about to leave.
 *
 * A member that leaves without that word counts as failed in Serf. The word has a Lamport time, and an old one has no effect:
 * so the times that Serf tells are followed, in its push/pull states and in the intents of its members.
 * Shape: a type byte, then a msgpack map with the fields of a Go struct.
 * Source: hashicorp/serf, serf/messages.go and serf/delegate.go, 0.8 to 0.10.
 */
import * as Cursor from "./MsgpackCursor.ts"
import * as Reader from "./MsgpackReader.ts"
import * as Writer from "./MsgpackWriter.ts"

const messageType = { leaveIntent: 0, joinIntent: 1, state: 2 } as const

/** The state has a slot for each of the last 512 times at which there were events, and all events in it. */
const stateValuesMax = 2 ** 20

const intentFields = Reader.shape("LTime", "Node")
const stateFields = Reader.shape("LTime", "StatusLTimes")

/** Times above this are no Lamport times that a cluster could have counted up to. */
const timeMax = 2 ** 31

/** The Lamport time in a map that has all of these fields; undefined for anything else. */
const timeIn = (bytes: Uint8Array, fields: Reader.Shape<string>): number | undefined => {
  const cursor = Cursor.make(bytes, 1, bytes.length)
  cursor.valuesLeft = stateValuesMax
  let time: number | undefined
  let found = 0
  for (let left = Reader.readStruct(cursor); left > 0 && cursor.status === "ok"; left--) {
    const name = Reader.readField(cursor, fields)
    if (name !== "") found += 1
    if (name === "LTime") time = Reader.readUnsigned(cursor, timeMax)
    else Cursor.skip(cursor)
  }
  return cursor.status === "ok" && !cursor.positional && found === fields.declared.length ? time : undefined
}

/** The time that a push/pull state tells; undefined when it is not one of Serf. */
export const timeOfState = (state: Uint8Array): number | undefined =>
  state[0] === messageType.state ? timeIn(state, stateFields) : undefined

/** The time that a gossiped intent tells; undefined for any other message. */
export const timeOfIntent = (payload: Uint8Array): number | undefined =>
  payload[0] === messageType.leaveIntent || payload[0] === messageType.joinIntent
    ? timeIn(payload, intentFields)
    : undefined

/** That a member is about to leave, at this time. */
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
