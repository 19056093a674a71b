/** What the program of a host is told, what it answers, and what it says of itself. */
import { Schema } from "effect"

/**
 * What flows do. sink: the caller sends. duplex: both sides send. echo: the caller sends, and waits for its message to come
 * back. hold: nothing, after a greeting of the endpoint, and both sides wait for a message. stall: the caller sends, and the
 * endpoint reads nothing.
 */
export const Kind = Schema.Literals(["sink", "duplex", "echo", "hold", "stall"])
export type Kind = typeof Kind.Type

/** How a host is broken on purpose, to see that it is found out. */
export const Broken = Schema.Literals(["drops a message", "no is untrue", "starts twice"])
export type Broken = typeof Broken.Type

/** A program gets it as its one argument, in JSON. */
export const Config = Schema.Struct({
  name: Schema.String,
  address: Schema.String,
  seeds: Schema.Array(Schema.String),
  /** For a host that exchanges numbered messages: the name of this life, and the file of its journal. */
  numbers: Schema.optionalKey(
    Schema.Struct({ life: Schema.String, journal: Schema.String, broken: Schema.optionalKey(Broken) })
  )
})

/** Longest times of an exchange of numbered messages: until a connect has ended, and its deadline. */
export const exchangeBounds = { connectMillis: 10_000, deadlineMillis: 40_000 } as const

export const Order = Schema.Union([
  /** Opens flows, and lets them do what their kind says until `stop`. A flow that is lost is opened again if `isKept`. */
  Schema.Struct({
    do: Schema.tag("open"),
    load: Schema.String,
    kind: Kind,
    to: Schema.String,
    flows: Schema.Number,
    messageBytes: Schema.Number,
    isKept: Schema.Boolean
  }),
  /** Closes the flows of a load. */
  Schema.Struct({ do: Schema.tag("stop"), load: Schema.String }),
  /** Opens one flow and closes it again. */
  Schema.Struct({ do: Schema.tag("connect"), to: Schema.String, kind: Kind, timeoutMillis: Schema.Number }),
  /** Exchanges numbered messages with other hosts, one after the other with each, until "numbersEnd". */
  Schema.Struct({ do: Schema.tag("numbers"), to: Schema.Array(Schema.String), pauseMillis: Schema.Number }),
  Schema.Struct({ do: Schema.tag("numbersEnd") }),
  Schema.Struct({ do: Schema.tag("numbersSeen") }),
  /** Silences are looked for from now on. */
  Schema.Struct({ do: Schema.tag("mark") }),
  Schema.Struct({ do: Schema.tag("progress") }),
  Schema.Struct({ do: Schema.tag("vitals") }),
  /** Holds up the event loop: nothing else of the process runs meanwhile. */
  Schema.Struct({ do: Schema.tag("block"), millis: Schema.Number }),
  /** Whom it sees alive, and serving. */
  Schema.Struct({ do: Schema.tag("alive") }),
  /** All names that it knows, with their owners. */
  Schema.Struct({ do: Schema.tag("names") }),
  /** Closes the host, which ends the process. */
  Schema.Struct({ do: Schema.tag("close") })
])
export type Order = typeof Order.Type

/** How an operation failed. `at`: milliseconds since 1970, so that it can be compared with the clock of the test. */
export const Failure = Schema.Struct({
  at: Schema.Number,
  load: Schema.String,
  operation: Schema.Literals(["connect", "flow"]),
  tag: Schema.String,
  reason: Schema.String,
  delivered: Schema.String,
  detail: Schema.String
})
export type Failure = typeof Failure.Type

/** Bytes of messages that came and went, and silences among those that came, since the mark. */
const Moved = Schema.Struct({
  flows: Schema.Number,
  received: Schema.Number,
  sent: Schema.Number,
  silenceMillis: Schema.Number,
  /** How long the slowest of its open flows has been silent by now. */
  slowestMillis: Schema.Number
})
export type Moved = typeof Moved.Type

export const Progress = Schema.Struct({
  /** By the clock of the process that does not jump. */
  millis: Schema.Number,
  /** What this host calls, by load. */
  calls: Schema.Record(Schema.String, Moved),
  /** What this host serves, by kind. */
  serves: Schema.Record(Schema.String, Moved)
})
export type Progress = typeof Progress.Type

/** What a process holds: bytes in memory and in the heap, open descriptors, timers; and the lag of its event loop. */
export const Vitals = Schema.Struct({
  rss: Schema.Number,
  heap: Schema.Number,
  descriptors: Schema.Number,
  timers: Schema.Number,
  /** The most since it was last asked. */
  lagMillis: Schema.Number
})
export type Vitals = typeof Vitals.Type

export const Connected = Schema.Struct({ millis: Schema.Number, failure: Schema.optionalKey(Failure) })

export const Alive = Schema.Struct({ names: Schema.Array(Schema.String) })

/** `self`: the host and its generation, as in `names`, which are "NAME of HOST/GENERATION". */
export const Names = Schema.Struct({ self: Schema.String, names: Schema.Array(Schema.String) })
export type Names = typeof Names.Type

export const Done = Schema.Struct({})

/** How the exchanges of numbered messages of one host stand. What they saw is in its journal. */
export const NumbersSeen = Schema.Struct({
  /** Peers with which it exchanges. */
  loops: Schema.Number,
  /** Exchanges that ended well, by peer. */
  exchangesWith: Schema.Record(Schema.String, Schema.Number)
})

export const Event = Schema.Union([
  Schema.Struct({ up: Schema.String }),
  /** The host could not be, or ended by itself. */
  Schema.Struct({ over: Schema.String }),
  /** An uncaught exception: it would have ended a process that does not listen for it. */
  Schema.Struct({ crash: Schema.String }),
  Schema.Struct({ log: Schema.String, at: Schema.Number }),
  Schema.Struct({ member: Schema.String, status: Schema.String, at: Schema.Number }),
  /** A flow that this host has called failed, or could not be opened. */
  Schema.Struct({ lost: Failure }),
  /** A flow that this host serves failed; `load` is its kind. */
  Schema.Struct({ broke: Failure })
])
export type Event = typeof Event.Type
