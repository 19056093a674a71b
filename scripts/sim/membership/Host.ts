/** One host of a virtual network: a state machine, and what surrounds its process. */
import type { Address } from "../../../src/protocol/Address.ts"
import type { NodeState } from "../../../src/protocol/memberlist/Message.ts"
import type { Message } from "../../../src/protocol/names/Exchange.ts"
import type { Deadline } from "../../../src/protocol/swim/Deadlines.ts"
import type { Lost } from "../../../src/protocol/swim/Reunion.ts"
import type * as Swim from "../../../src/protocol/swim/Swim.ts"
import type { Timer } from "../../../src/protocol/swim/Timer.ts"
import type { Claimant } from "../../../src/protocol/swim/Twin.ts"

/** Datagrams in transit are passed by reference: nobody changes the encoded parts. */
export interface Arrival {
  readonly _tag: "Arrive"
  readonly to: Host
  readonly from: Address
  readonly parts: ReadonlyArray<Uint8Array>
}

/** What hosts say of names over a stream: as a value that nobody changes, with the length of its encoded form. */
export interface Cargo {
  readonly message: Message
  readonly bytes: number
}

/** What rides on a host's membership; the driver's part of it, as `Passenger` of src/services/Gossip.ts. */
export interface Passenger {
  /** Told all outputs of the membership machine but demands. */
  readonly hear: (output: Swim.Output) => void
  /** What a peer gets in a push/pull. */
  readonly localState: () => Cargo
  readonly mergeState: (cargo: Cargo) => void
  /** A message to this host alone came in. */
  readonly take: (cargo: Cargo) => void
  /** When it wants to be woken. */
  readonly nextDeadline: () => number
  readonly wake: () => void
}

/** The request of a push/pull, of a ping over TCP, or a message to one host. */
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
        /** Only asks whether what was given before is known by now. */
        readonly confirms: boolean
        readonly cargo: Cargo | undefined
      }
    | { readonly _tag: "Ping"; readonly seq: number; readonly timeoutMillis: number }
    | { readonly _tag: "AskTwin"; readonly heard: (answer: Claimant | undefined) => void }
    | Give
}

/** A host wants another one to have something, and to know when it has; never called if it fails. */
export interface Give {
  readonly _tag: "Give"
  readonly to: Address
  readonly cargo: Cargo
  readonly taken: () => void
}

/** What comes back. */
export interface Reply {
  readonly _tag: "Reply"
  readonly request: Request
  readonly nodes: ReadonlyArray<NodeState>
  readonly cargo: Cargo | undefined
  /** Who of the requester's name answers. */
  readonly twin?: Claimant
}

export type Event =
  | Arrival
  | Request
  | Reply
  | { readonly _tag: "Wake"; readonly host: Host }
  | { readonly _tag: "Look"; readonly host: Host; readonly life: number }
  | { readonly _tag: "Call"; readonly run: () => void }

/** What a host asks of the network. */
export type Demand = Extract<Swim.Output, { _tag: "Send" | "PushPull" | "TcpPing" | "AskTwin" }> | Give

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
  /** Where it is reached; see `Network.move`. */
  address: Address
  /** Undefined while crashed. */
  state: Swim.State | undefined
  /** Counts the lives of the process. */
  life: number
  mode: Mode
  passenger: Passenger | undefined
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
  readonly lost: Lost
  /** When it looks for its seeds again. */
  seedsAt: number
  readonly traffic: Traffic
}

export interface Traffic {
  datagramsSent: number
  datagramsReceived: number
  /** Payload of datagrams sent, as they would be on the wire without framing. */
  bytesSent: number
  exchanges: number
  /** Estimated size of the states sent over TCP, that of the passenger included. */
  streamBytesSent: number
  /** Of that, what the passenger sent, with what it sent to single hosts. */
  cargoBytesSent: number
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
