/**
 * What the reader of a stream has received and parsed so far.
 *
 * The state belongs to the one fiber that reads the connection and is changed in place. Its buffer grows with the bytes
 * that have come, never with a length that the peer declares, and each byte is moved a constant number of times.
 * Source: memberlist-protocol.md, sections 6.1, 6.4 and 18; faults.md, rows S2 to S6.
 */
import { Data } from "effect"
import type { Framing, Opening } from "./Framing.ts"
import type { Inflater } from "./Lzw.ts"
import type { NodeState } from "./Message.ts"
import type { MalformedReason } from "./MessageReader.ts"
import type { PushPullHeader, SkipReason } from "./PushPullCodec.ts"

/** The side of a connection: who dialled sends the label, and asks; who accepted answers. */
export type Role = "dialler" | "acceptor"

/**
 * Why a stream is to be closed.
 *
 * "label": not our cluster. "type": not a message that our role expects here. "encrypted": we have no key. "plaintext":
 * not encrypted, though we insist. "decrypt": under none of our keys. "inflate": not to be decompressed, or too large.
 * "nodes", "userState", "userMessage": a count below zero or above its limit. "oversized": more bytes than allowed.
 * "trailing": bytes after the message. "memory": there is no room for more of what streams hold. The others as in
 * `MalformedReason`.
 */
export type RejectReason =
  | "label"
  | "encrypted"
  | "plaintext"
  | "decrypt"
  | "inflate"
  | "nodes"
  | "userState"
  | "userMessage"
  | "oversized"
  | "trailing"
  | "memory"
  | MalformedReason

/** The stream is of no use; `owesErr` says that the peer expects an `Err` message before the close. */
export class StreamRejected extends Data.TaggedError("StreamRejected")<{
  readonly reason: RejectReason
  readonly owesErr: boolean
}> {}

export type Stage =
  | "label"
  | "type"
  | "sealed"
  | "opening"
  | "compressed"
  | "inflating"
  | "ping"
  | "ack"
  | "err"
  | "user"
  | "userPayload"
  | "pushPull"
  | "nodes"
  | "userState"

export interface State {
  readonly framing: Framing
  /** Our own side. */
  readonly role: Role
  readonly nodes: Array<NodeState>
  readonly skipped: Array<SkipReason>
  buffer: Uint8Array
  /** Offset of the first byte not parsed yet. */
  start: number
  /** Offset behind the last byte received. */
  end: number
  /** Bytes from `start` on that must be there before it is worth trying again. */
  needed: number
  receivedBytes: number
  stage: Stage
  opened: boolean
  /** The decryption under way. */
  opening: Opening | undefined
  /** The decompression under way. */
  inflater: Inflater | undefined
  inflated: boolean
  /** There is work to do with the bytes that are there. */
  isBusy: boolean
  header: PushPullHeader
  payloadBytes: number
  /** Set once there is nothing more to read. */
  finished: "done" | StreamRejected | undefined
}

/** An encrypted payload, a user state and a user message are each at most this long. */
export const payloadBytesMax = 20_971_520

/** All that one side may send on a connection. */
export const receivedBytesMax = payloadBytesMax + 65_536

const capacityBytesMin = 1024

/** What may come behind what is awaited, in the same chunk. */
const chunkBytes = 65_536

/** Bytes that a parsed node state takes beside its metadata: its record, and three arrays. */
const nodeBytes = 1024

/** Makes room for `length` bytes, by moving what is unread to the front when that frees half of the buffer. */
const reserve = (state: State, length: number): void => {
  if (state.end + length <= state.buffer.length) return
  const unread = state.end - state.start
  const required = unread + length
  if (required <= state.buffer.length / 2) {
    state.buffer.copyWithin(0, state.start, state.end)
  } else {
    // Twice as much as there is, but not more than can still come.
    const most = Math.max(required, (state.needed > 0 ? state.needed : receivedBytesMax) + chunkBytes)
    const grown = new Uint8Array(Math.max(capacityBytesMin, Math.min(required * 2, most)))
    grown.set(state.buffer.subarray(state.start, state.end))
    state.buffer = grown
  }
  state.start = 0
  state.end = unread
}

export const append = (state: State, chunk: Uint8Array): void => {
  reserve(state, chunk.length)
  state.buffer.set(chunk, state.end)
  state.end += chunk.length
  state.receivedBytes += chunk.length
}

/** Goes on with what a layer held instead of what came in. */
export const replace = (state: State, plain: Uint8Array): void => {
  state.buffer = plain
  state.start = 0
  state.end = plain.length
  state.needed = 0
  state.stage = "type"
}

/** All that the peer can still say is there, since it came in a layer with a length. */
export const isWhole = (state: State): boolean => state.opened || state.inflated

/** What a reader holds: what has come and is not taken in yet, in all its forms. */
export const heldBytes = ({ buffer, inflater, nodes, opening }: State): number =>
  buffer.length +
  (opening === undefined ? 0 : buffer.length) +
  nodes.length * nodeBytes +
  (inflater === undefined ? 0 : inflater.input.length + inflater.output.length + (inflater.target?.length ?? 0))

/** Whether who speaks has shown that it has a key, where it has to. */
export const isProven = ({ framing, opened }: State): boolean => opened || framing.cipher?.verifyIncoming !== true

const framingStages: ReadonlyArray<Stage> = ["type", "sealed", "opening", "compressed", "inflating"]

/**
 * Failures of the framing are answered, those of the label, the type and the body are not. Nor is anything said to who has
 * shown no key, where keys are asked for.
 */
export const rejected = (state: State, reason: RejectReason): StreamRejected =>
  new StreamRejected({
    reason,
    owesErr: state.role === "acceptor" && reason !== "type" && framingStages.includes(state.stage) && isProven(state)
  })
