/**
 * The messages of the memberlist protocol, as values.
 *
 * Byte arrays (addresses, metadata, versions) are kept exactly as they came: peers compare and re-gossip bytes.
 * Source: memberlist-wire.md, sections 2 and 4.
 */

/** The first byte of every message. */
export const MessageType = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  hasCrc: 12,
  err: 13,
  hasLabel: 244
} as const

/** Where to answer, if not to the datagram's source. Absent parts are an empty address, an empty name and port 0. */
export interface Source {
  readonly sourceAddress: Uint8Array
  readonly sourcePort: number
  readonly sourceNode: string
}

export interface Ping extends Source {
  readonly _tag: "Ping"
  readonly seq: number
  /** Name of the node that is pinged; empty for any node. */
  readonly node: string
}

export interface IndirectPing extends Source {
  readonly _tag: "IndirectPing"
  readonly seq: number
  readonly target: Uint8Array
  readonly port: number
  readonly node: string
  readonly nack: boolean
}

export interface Ack {
  readonly _tag: "Ack"
  readonly seq: number
  readonly payload: Uint8Array
}

export interface Nack {
  readonly _tag: "Nack"
  readonly seq: number
}

export interface Suspect {
  readonly _tag: "Suspect"
  readonly incarnation: number
  readonly node: string
  readonly from: string
}

export interface Dead {
  readonly _tag: "Dead"
  readonly incarnation: number
  readonly node: string
  /** The accuser; the node itself for a leave. */
  readonly from: string
}

export interface Alive {
  readonly _tag: "Alive"
  readonly incarnation: number
  readonly node: string
  readonly address: Uint8Array
  readonly port: number
  readonly meta: Uint8Array
  /** Six bytes: protocol min, max, current, delegate min, max, current. */
  readonly versions: Uint8Array
}

/** A message of the application, without its type byte. */
export interface User {
  readonly _tag: "User"
  readonly payload: Uint8Array
}

/** Messages that a packet carries, without framing. */
export type PacketMessage = Ping | IndirectPing | Ack | Nack | Suspect | Dead | Alive | User

/** The states of a node; on the wire of a push/pull a state is its place in this list. */
export const nodeStates = ["alive", "suspect", "dead", "left"] as const

export interface NodeState {
  readonly name: string
  readonly address: Uint8Array
  readonly port: number
  readonly meta: Uint8Array
  readonly incarnation: number
  readonly state: (typeof nodeStates)[number]
  readonly versions: Uint8Array
}

export interface PushPull {
  readonly _tag: "PushPull"
  readonly join: boolean
  readonly nodes: ReadonlyArray<NodeState>
  readonly userState: Uint8Array
}

export interface Err {
  readonly _tag: "Err"
  readonly error: string
}

/** Messages of a TCP exchange; each side sends one. */
export type StreamMessage = Ping | Ack | PushPull | User | Err
