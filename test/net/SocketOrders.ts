/** What the program of bare sockets is told, and what it answers. */
import { Schema } from "effect"

export const Order = Schema.Union([
  /** Echoes datagrams, serves TCP, and counts what comes by it. */
  Schema.Struct({ do: Schema.tag("serve") }),
  /** Sends datagrams to a server, and looks what comes back. */
  Schema.Struct({
    do: Schema.tag("datagrams"),
    to: Schema.String,
    count: Schema.Number,
    bytes: Schema.Number,
    pauseMillis: Schema.Number
  }),
  /** All bytes of TCP that have come to this process. */
  Schema.Struct({ do: Schema.tag("arrived") }),
  /** Sends bytes to a server as fast as it takes them, which sends as many itself if both do. Answered when it is over. */
  Schema.Struct({
    do: Schema.tag("stream"),
    to: Schema.String,
    millis: Schema.Number,
    bothWays: Schema.Boolean
  }),
  /** Opens a connection to a server, and keeps it. */
  Schema.Struct({ do: Schema.tag("hold"), to: Schema.String, name: Schema.String, patienceMillis: Schema.Number }),
  /** Sends a byte on a connection that is kept, and waits for it to come back. */
  Schema.Struct({ do: Schema.tag("echo"), name: Schema.String, patienceMillis: Schema.Number })
])

export const Done = Schema.Struct({})

export const Datagrams = Schema.Struct({
  received: Schema.Number,
  /** Which ones were received. */
  numbers: Schema.Array(Schema.Number),
  duplicates: Schema.Number,
  /** How many came behind one that was sent later. */
  late: Schema.Number,
  roundTripsMillis: Schema.Array(Schema.Number)
})

/** By its own clock. */
export const Arrived = Schema.Struct({ bytes: Schema.Number, millis: Schema.Number })

export const Happened = Schema.Struct({ isSo: Schema.Boolean, detail: Schema.String, millis: Schema.Number })
