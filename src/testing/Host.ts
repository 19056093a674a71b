/** One host of a virtual network: a state machine, and what surrounds its process. */
import type { Address } from "../protocol/Address.ts"
import type { NodeState } from "../protocol/memberlist/Message.ts"
import type { Deadline } from "../protocol/swim/Deadlines.ts"
import type * as Swim from "../protocol/swim/Swim.ts"
import type { Timer } from "../protocol/swim/Timer.ts"

/** Datagrams in transit are passed by reference: nobody changes the encoded parts. */
export interface Arrival {
  readonly _tag: "Arrive"
  readonly to: Host
  readonly from: Address
  readonly parts: ReadonlyArray<Uint8Array>
}

/** The request of a push/pull, or of a ping over TCP. */
export interface Request {
  readonly _tag: "Request"
  readonly from: Host
  readonly to: Host
  /** The requester's life: an exchange does not outlive it. */
  readonly life: number
  readonly beganAt: number
  readonly ask:
    | {
        readonly _tag: "PushPull"
        readonly nodes: ReadonlyArray<NodeState>
        readonly join: boolean
        readonly again: boolean
      }
    | { readonly _tag: "Ping"; readonly seq: number; readonly timeoutMillis: number }
}

/** What comes back. */
export interface Reply {
  readonly _tag: "Reply"
  readonly request: Request
  readonly nodes: ReadonlyArray<NodeState>
}

export type Event =
  | Arrival
  | Request
  | Reply
  | { readonly _tag: "Wake"; readonly host: Host }
  | { readonly _tag: "Look"; readonly host: Host; readonly life: number }
  | { readonly _tag: "Call"; readonly run: () => void }

/** What a host asks of the network. */
export type Demand = Extract<Swim.Output, { _tag: "Send" | "PushPull" | "TcpPing" }>

/**
 * How the process runs.
 *
 * paused: not at all, and the kernel holds what comes in. blocked: it thinks that it runs, and its timers do, but each
 * of its loops stops before it sends, or after it has received something (the anomaly of the Lifeguard paper).
 */
export type Mode = "running" | "paused" | "blocked"

export interface Host {
  /** From 0, in the order of adding. */
  readonly index: number
  readonly name: string
  readonly address: Address
  /** Undefined while crashed. */
  state: Swim.State | undefined
  /** Counts the lives of the process. */
  life: number
  mode: Mode
  /** What came in while the process could not read it. */
  readonly held: Array<Arrival | Request | Reply>
  /** What a blocked host wants to send, in order. */
  readonly outbox: Array<Demand>
  /** Timers of loops that are blocked. */
  readonly stuck: Array<Deadline<Timer>>
  /** The instant of the wake-up that counts; others are stale. */
  wakeAt: number
  /** Hosts of different islands do not reach each other. */
  island: number
  /** Receives nothing; sends nothing. */
  isDeaf: boolean
  isMute: boolean
  /** Time that each datagram takes to be read, one after the other. */
  serviceMillis: number
  busyUntil: number
  /** Members that died and did not come back. */
  readonly lost: Map<string, Address>
  readonly traffic: Traffic
}

export interface Traffic {
  datagramsSent: number
  datagramsReceived: number
  /** Payload of datagrams sent, as they would be on the wire without framing. */
  bytesSent: number
  exchanges: number
  /** Estimated size of the states sent over TCP. */
  streamBytesSent: number
}

/** Bytes of a datagram with these parts: a compound has a header, and a length for each part. */
export const datagramBytes = (parts: ReadonlyArray<Uint8Array>, crc: boolean): number => {
  let bytes = crc ? 5 : 0
  for (const part of parts) bytes += part.length
  return parts.length === 1 ? bytes : bytes + 2 + 2 * parts.length
}

/** Fields of a record in a push/pull, without name and metadata. */
const recordBytes = 72

export const streamBytes = (nodes: ReadonlyArray<NodeState>): number => {
  let bytes = 40
  for (const { meta, name } of nodes) bytes += recordBytes + name.length + meta.length
  return bytes
}
