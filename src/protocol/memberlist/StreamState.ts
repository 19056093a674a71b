/**
 * State of a stream reader: the bytes received and the parts parsed so far.
 *
 * The state belongs to the one fiber that reads the connection and is changed in place. Its buffer grows with the
 * received bytes, never with a length that the peer declares, and each byte is moved a constant number of times.
 * Source: memberlist-wire.md, sections 6.1, 6.4 and 18; faults.md, rows S2 to S6.
 */
import { Data } from "effect"
import type { Framing, Opening } from "./Framing.ts"
import type { Inflater } from "./Lzw.ts"
import type { NodeState } from "./Message.ts"
import type { MalformedReason } from "./MessageTables.ts"
import type { PushPullHeader } from "./PushPullCodec.ts"
import type { Fault } from "./Struct.ts"

/** Side of a connection: a dialler sends the label and the request; an acceptor answers. */
export type Role = "dialler" | "acceptor"

/**
 * Why a stream is rejected.
 *
 * "label": not of this cluster. "type": not a message that this role expects here. "encrypted": this host has no key.
 * "plaintext": not encrypted, though this host insists. "decrypt": under none of the keys. "inflate": broken
 * compression, or too large. "nodes", "userState", "userMessage": a count below zero or above its limit. "oversized":
 * more bytes than allowed. "trailing": bytes after the message. "memory": the bounds of `Held` are reached. Others: see
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

/** A stream that cannot be used; `owesErr` says that the peer expects an `Err` message before the close. */
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
  /** This host's side. */
  readonly role: Role
  readonly nodes: Array<NodeState>
  readonly skipped: Array<Fault>
  buffer: Uint8Array
  /** Offset of the first unparsed byte. */
  start: number
  /** Offset behind the last received byte. */
  end: number
  /** Bytes from `start` on that must have come before the next step. */
  needed: number
  receivedBytes: number
  stage: Stage
  opened: boolean
  /** The decryption in progress. */
  opening: Opening | undefined
  /** The decompression in progress. */
  inflater: Inflater | undefined
  inflated: boolean
  /** Whether the last step paused with work left. */
  isBusy: boolean
  header: PushPullHeader
  payloadBytes: number
  /** Set once the message is read or the stream rejected. */
  finished: "done" | StreamRejected | undefined
}

/** The longest encrypted payload, user state and user message, in bytes. */
export const payloadBytesMax = 20_971_520

/** Bytes that one side may send on a connection. */
export const receivedBytesMax = payloadBytesMax + 65_536

const capacityBytesMin = 1024

/** Allowance for bytes behind the awaited ones, in the same chunk. */
const chunkBytes = 65_536

/** Bytes that a parsed node state counts for: its record and three arrays. */
const nodeBytes = 1024

/** Makes room for `length` bytes; moves the unread bytes to the front when that frees half of the buffer. */
const reserve = (state: State, length: number): void => {
  if (state.end + length <= state.buffer.length) return
  const unread = state.end - state.start
  const required = unread + length
  if (required <= state.buffer.length / 2) {
    state.buffer.copyWithin(0, state.start, state.end)
  } else {
    // Twice the required size, but no more than can still come.
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

/** Continues with the contents of a layer (decrypted or decompressed) in place of the received bytes. */
export const replace = (state: State, plain: Uint8Array): void => {
  state.buffer = plain
  state.start = 0
  state.end = plain.length
  state.needed = 0
  state.stage = "type"
}

/** Whether no more bytes can come: the message is inside a layer of known length. */
export const isWhole = (state: State): boolean => state.opened || state.inflated

/** Returns the bytes of memory that a reader holds, in all forms: received, being decrypted or decompressed, parsed. */
export const heldBytes = ({ buffer, inflater, nodes, opening }: State): number =>
  buffer.length +
  (opening === undefined ? 0 : buffer.length) +
  nodes.length * nodeBytes +
  (inflater === undefined ? 0 : inflater.input.length + inflater.output.length + (inflater.target?.length ?? 0))

/** Whether the peer has shown that it has a key, if this host requires one. */
export const isProven = ({ framing, opened }: State): boolean => opened || framing.cipher?.verifyIncoming !== true

const framingStages: ReadonlyArray<Stage> = ["type", "sealed", "opening", "compressed", "inflating"]

/**
 * Rejects a stream. An acceptor owes an `Err` for failures of the framing, not for those of the label, the type and the
 * body, and never to a peer that has shown no key where keys are required.
 */
export const rejected = (state: State, reason: RejectReason): StreamRejected =>
  new StreamRejected({
    reason,
    owesErr: state.role === "acceptor" && reason !== "type" && framingStages.includes(state.stage) && isProven(state)
  })
