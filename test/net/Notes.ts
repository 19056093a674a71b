/**
 * Journal of the numbered exchanges of one life of a host: what its callers and its endpoint saw, in the order in which they
 * saw it. A note is written to a file before what it tells of is answered, so a process that is killed has said all that
 * anybody can have heard of it.
 */
import { openSync, readFileSync, writeSync } from "node:fs"
import { Schema } from "effect"
import { Failure } from "./HostOrders.ts"

/** `at`: milliseconds since 1970. An exchange has a name that is unique in a run. */
export const Note = Schema.Union([
  /** A caller begins an exchange of so many messages. */
  Schema.Struct({
    note: Schema.tag("begin"),
    exchange: Schema.String,
    to: Schema.String,
    of: Schema.Number,
    at: Schema.Number
  }),
  /** The caller has its flow. */
  Schema.Struct({ note: Schema.tag("opened"), exchange: Schema.String, at: Schema.Number }),
  /** A message came back to the caller. */
  Schema.Struct({ note: Schema.tag("back"), exchange: Schema.String, number: Schema.Number }),
  /** The caller saw the end: a failure, that it left early, or else that all is well. */
  Schema.Struct({
    note: Schema.tag("end"),
    exchange: Schema.String,
    at: Schema.Number,
    how: Schema.Union([Schema.Literals(["well", "left", "interrupted"]), Failure])
  }),
  /** The endpoint starts a handler for an exchange. Runs of handlers are numbered within a life. */
  Schema.Struct({ note: Schema.tag("start"), run: Schema.Number, exchange: Schema.String, at: Schema.Number }),
  /** A message came to a handler. `exchange`: what the message says itself. */
  Schema.Struct({ note: Schema.tag("got"), run: Schema.Number, exchange: Schema.String, number: Schema.Number }),
  /** The messages of a handler ended: well, or as the words say. */
  Schema.Struct({ note: Schema.tag("over"), run: Schema.Number, how: Schema.String, at: Schema.Number }),
  /** The process was not let run. */
  Schema.Struct({ note: Schema.tag("late"), from: Schema.Number, to: Schema.Number })
])
export type Note = typeof Note.Type

/** Writes notes to a file. */
export const writer = (path: string): ((note: Note) => void) => {
  const file = openSync(path, "a")
  return (note) => {
    writeSync(file, `${JSON.stringify(note)}\n`)
  }
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Note))

/** The notes of a file. A last line without an end is of a process that was killed while it wrote. */
export const read = (path: string): ReadonlyArray<Note> =>
  readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => decode(line))
