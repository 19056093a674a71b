/** What the program of a host is told, and what it answers. */
import { Schema } from "effect"

const Material = Schema.Struct({ certificate: Schema.String, key: Schema.String, authorities: Schema.String })

/** A host, as a program gets it: its one argument, in JSON. */
export const HostConfig = Schema.Struct({
  name: Schema.String,
  address: Schema.String,
  seeds: Schema.Array(Schema.String),
  keys: Schema.Array(Schema.String),
  tls: Schema.optionalKey(Material)
})
export type HostConfig = typeof HostConfig.Type

export const Up = Schema.Struct({ gossipPort: Schema.Number, flowPort: Schema.Number, generation: Schema.Number })

export const HostOrder = Schema.Union([
  Schema.Struct({ do: Schema.tag("where") }),
  /** Exchanges checked messages with these hosts from now on. */
  Schema.Struct({ do: Schema.tag("load"), to: Schema.Array(Schema.String) }),
  /** Calls the echo of a host again and again, for so long. */
  Schema.Struct({ do: Schema.tag("call"), to: Schema.String, seconds: Schema.Number }),
  /** Counts turns of the event loop anew. */
  Schema.Struct({ do: Schema.tag("mark") }),
  Schema.Struct({ do: Schema.tag("tally") }),
  /** What it sees of these hosts. */
  Schema.Struct({ do: Schema.tag("view"), of: Schema.Array(Schema.String) }),
  Schema.Struct({ do: Schema.tag("memory") }),
  Schema.Struct({ do: Schema.tag("counters") })
])
export type HostOrder = typeof HostOrder.Type

export const Done = Schema.Struct({})

export const Calls = Schema.Struct({
  /** By what they came to, how many calls. */
  outcomes: Schema.Record(Schema.String, Schema.Number),
  /** How long the longest took. */
  longestMillis: Schema.Number
})
export type Calls = typeof Calls.Type

export const Tally = Schema.Struct({
  /** Messages that came back as they were sent. */
  messages: Schema.Number,
  /** Flows that were opened, used once and closed in good order. */
  opens: Schema.Number,
  /** Names that were asked for and resolved to the host that exposes them. */
  names: Schema.Number,
  /** By what failed: flows that were lost, opens that failed, names that were wrong, messages that came back as others. */
  failures: Schema.Record(Schema.String, Schema.Number),
  /** Hosts that it believed dead or gone, and how often. */
  buried: Schema.Record(Schema.String, Schema.Number),
  /** The longest turn of its event loop, in its own processor time, and how many were longer than the bound. */
  turnMillis: Schema.Number,
  turnsLong: Schema.Number,
  /** Lines of its log with a control character or a change of direction in them, or longer than 4,000 characters. */
  linesUnclean: Schema.Number
})
export type Tally = typeof Tally.Type

export const View = Schema.Struct({
  /** Those that it sees alive. */
  alive: Schema.Array(Schema.String),
  /** Those whose name resolves to them and to nobody else. */
  named: Schema.Array(Schema.String),
  members: Schema.Number
})
export type View = typeof View.Type

/** After a collection of garbage. */
export const Memory = Schema.Struct({ heapBytes: Schema.Number, rssBytes: Schema.Number })

export const Counters = Schema.Struct({ counters: Schema.Record(Schema.String, Schema.Number) })

/** Where the hosts are, and what the attacker has. */
export const Target = Schema.Struct({
  attack: Schema.String,
  fabric: Schema.String,
  victim: Schema.Struct({ name: Schema.String, address: Schema.String, ...Up.fields }),
  peers: Schema.Array(Schema.Struct({ name: Schema.String, address: Schema.String, ...Up.fields })),
  /** Of the membership plane, if the attacker has them. */
  keys: Schema.Array(Schema.String),
  /** Whether flows are encrypted, and the attacker's own certificate if it has one. */
  isSealed: Schema.Boolean,
  tls: Schema.optionalKey(Material),
  /** What another authority has signed for the name of the attacked host. */
  foreign: Schema.optionalKey(Material),
  /** Certificates for hosts that a row of honest load starts. */
  issued: Schema.Record(Schema.String, Material)
})
export type Target = typeof Target.Type

/** What the program of an attacker is told. */
export const AttackerOrder = Schema.Union([
  /** Answers once it is ready. */
  Schema.Struct({ do: Schema.tag("wait") }),
  /** Answers once it has made what it makes before the time begins. */
  Schema.Struct({ do: Schema.tag("prepare"), target: Target }),
  Schema.Struct({ do: Schema.tag("attack"), seconds: Schema.Number }),
  /** Uses the processor as another process did: so many microseconds by the end of each slice. */
  Schema.Struct({ do: Schema.tag("burn"), pace: Schema.Array(Schema.Number) })
])

/** What an attacker has seen of what it did. */
export const Spent = Schema.Struct({
  /** Processor time by the end of each slice, in microseconds. */
  pace: Schema.Array(Schema.Number),
  sentBytes: Schema.Number,
  datagramBytesSent: Schema.Number,
  datagramBytesReceived: Schema.Number,
  receivedBytes: Schema.Number,
  connections: Schema.Number,
  /** Of its connections, those that the host ended, and streams that it reset or refused. */
  closed: Schema.Number,
  streamsRefused: Schema.Number,
  /** Streams that the host has ended in good order. */
  streamsEnded: Schema.Number,
  /** What a row of honest load did not get. */
  complaints: Schema.Array(Schema.String),
  /** What it did, for people. */
  notes: Schema.Array(Schema.String)
})
export type Spent = typeof Spent.Type

/** A slice of time in which an attacker's processor time is taken. */
export const sliceMillis = 100

/** The bound on a turn of a host's event loop, in its own processor time. */
export const turnMillisMax = 50

export const Burnt = Schema.Struct({ sum: Schema.Number })
