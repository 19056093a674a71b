/** What a host says of the checked messages that it exchanges, in the order in which it sees it. */
import { Schema } from "effect"

const said = { exchange: Schema.String, at: Schema.Number }

/** `at`: milliseconds since 1970. An exchange has a name that is unique in a run. */
export const Note = Schema.Union([
  Schema.Struct({ note: Schema.tag("begin"), from: Schema.String, to: Schema.String, ...said }),
  /**
   * The caller saw the end. how: "well", when all messages came back in their order, "interrupted", or what went wrong; then
   * `delivered` is what the error says, if it says it.
   */
  Schema.Struct({ note: Schema.tag("end"), how: Schema.String, delivered: Schema.String, ...said }),
  /** The first message came to a handler. */
  Schema.Struct({ note: Schema.tag("start"), ...said }),
  /** The handler ended, after so many messages in their order. */
  Schema.Struct({ note: Schema.tag("over"), messages: Schema.Number, how: Schema.String, ...said }),
  /** The process was not let run. */
  Schema.Struct({ note: Schema.tag("late"), from: Schema.Number, to: Schema.Number })
])
export type Note = typeof Note.Type

/** Messages of one exchange. */
export const messages = 20
