/**
 * Streams: the one message that each side of a TCP exchange sends.
 *
 * Shape, outermost first: label header (from the dialler only), encryption, compression, message.
 * To read a stream, `make` a state and `push` each chunk into it. While the state `isBusy`, `push` empty chunks, and
 * let other fibers run in between.
 * Source: memberlist-wire.md, sections 6 and 8.3.
 */
import { Option, Result } from "effect"
import * as Bytes from "../Bytes.ts"
import * as Compression from "./Compression.ts"
import type { Framing } from "./Framing.ts"
import * as Label from "./Label.ts"
import { MessageType, type StreamMessage } from "./Message.ts"
import { write } from "./MessageTables.ts"
import * as Writer from "./MsgpackWriter.ts"
import * as PushPull from "./PushPullCodec.ts"
import { type Step, sealedHeaderBytes, step } from "./StreamStages.ts"
import { append, type Role, receivedBytesMax, rejected, type State, type StreamRejected } from "./StreamState.ts"
import type { Fault } from "./Struct.ts"

export { heldBytes, isProven, type RejectReason, type Role, type State, type StreamRejected } from "./StreamState.ts"

const noBytes = new Uint8Array(0)

/** The message of a stream. */
export interface Received {
  readonly message: StreamMessage
  /** One reason for each node state left out of a push/pull. */
  readonly skipped: ReadonlyArray<Fault>
}

/** Makes a reader; `role` is this host's side of the connection. */
export const make = (framing: Framing, role: Role): State => ({
  framing,
  role,
  nodes: [],
  skipped: [],
  buffer: new Uint8Array(0),
  start: 0,
  end: 0,
  needed: 0,
  receivedBytes: 0,
  stage: "label",
  opened: false,
  opening: undefined,
  inflater: undefined,
  inflated: false,
  isBusy: false,
  header: { nodes: 0, userStateBytes: 0, join: false },
  payloadBytes: 0,
  finished: undefined
})

const finish = (state: State, outcome: StreamRejected | "done"): void => {
  state.finished = outcome
  state.isBusy = false
  state.inflater = undefined
  state.opening = undefined
  state.buffer = noBytes
  state.start = 0
  state.end = 0
}

/** Whether the label and the first header have come, so that the kind of message is known. */
export const isBegun = ({ end, finished, stage, start }: State): boolean => {
  if (finished !== undefined) return true
  return stage === "sealed" ? end - start >= sealedHeaderBytes : stage !== "label" && stage !== "type"
}

/** Gives up a stream for lack of memory. */
export const giveUp = (state: State): StreamRejected => {
  const outcome = rejected(state, "memory")
  finish(state, outcome)
  return outcome
}

/** Whether received bytes still need work: the message may be complete, and no more bytes may come. */
export const isBusy = (state: State): boolean => state.isBusy

/**
 * Takes the next bytes of the connection; returns None until the message is complete and decoded.
 *
 * Bytes after the message are ignored in the chunk that ends it, as peers do, and refused as "trailing" later. The
 * chunk is copied. The result does not depend on how the bytes are cut into chunks.
 * Errors: `StreamRejected`, the same on further calls; the caller sends an `Err` if `owesErr`, and closes.
 */
export const push = (state: State, chunk: Uint8Array): Result.Result<Option.Option<Received>, StreamRejected> => {
  if (state.finished !== undefined)
    return Result.fail(state.finished === "done" ? rejected(state, "trailing") : state.finished)
  append(state, chunk)
  let outcome: Step = state.end - state.start < state.needed ? "more" : "next"
  while (outcome === "next") {
    state.needed = 0
    outcome = step(state)
  }
  state.isBusy = outcome === "pause"
  if (outcome === "more" || outcome === "pause") {
    if (state.receivedBytes <= receivedBytesMax) return Result.succeedNone
    outcome = rejected(state, "oversized")
  }
  if (outcome._tag === "StreamRejected") {
    finish(state, outcome)
    return Result.fail(outcome)
  }
  finish(state, "done")
  return Result.succeed(Option.some({ message: outcome, skipped: state.skipped }))
}

/**
 * Takes the end of the connection, which is fine after a message, or before the first byte of one.
 *
 * Errors: `StreamRejected`, "truncated" within a message and "label" within the label.
 */
export const end = (state: State): Result.Result<void, StreamRejected> => {
  if (state.finished === "done") return Result.void
  if (state.finished !== undefined) return Result.fail(state.finished)
  if (state.start === state.end && (state.stage === "label" || state.stage === "type")) return Result.void
  return Result.fail(rejected(state, state.stage === "label" ? "label" : "truncated"))
}

const plain = (message: StreamMessage): Uint8Array => {
  switch (message._tag) {
    case "Ping":
    case "Ack":
      return Writer.finish(write(Writer.make(), message))
    case "PushPull":
      return Writer.finish(PushPull.writePushPull(Writer.make(4096), message))
    case "User":
      return Writer.finish(PushPull.writeUser(Writer.make(message.payload.length + 32), message))
    case "Err":
      return Writer.finish(PushPull.writeErr(Writer.make(), message))
  }
}

const seal = (payload: Uint8Array, { cipher, label }: Framing): Uint8Array => {
  if (!cipher?.verifyOutgoing) return payload
  const length = payload.length + cipher.overheadBytes
  const header = Uint8Array.of(MessageType.encrypt, length >>> 24, length >>> 16, length >>> 8, length)
  return Bytes.concat([header, cipher.seal(payload, Bytes.concat([header, label]))])
}

/** Encodes the body of a stream: the plaintext to seal, if there is a key. */
export const bodyOf = (message: StreamMessage, compress: boolean): Uint8Array =>
  compress ? Compression.encode(plain(message)) : plain(message)

/** Returns all bytes that one side sends for a body: label, if a dialler, and the body, sealed if so configured. */
export const frame = (body: Uint8Array, framing: Framing, role: Role): Uint8Array => {
  const sealed = seal(body, framing)
  return role === "dialler" && framing.label.length > 0 ? Bytes.concat([Label.header(framing.label), sealed]) : sealed
}

/**
 * Encodes all bytes that one side sends; `role` is this host's side, and only a dialler sends the label.
 *
 * Compression, when on, is applied even if it makes the message longer, as peers do.
 * Units: peers refuse more than 20 MiB of user state, user message or encrypted payload.
 */
export const encode = (message: StreamMessage, framing: Framing, role: Role): Uint8Array =>
  frame(bodyOf(message, framing.compress), framing, role)
