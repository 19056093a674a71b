/**
 * Streams: the one message that each side of a TCP exchange sends.
 *
 * Shape, outermost first: label header (from the dialler only), encryption, compression, message.
 * To read one, `make` a state and `push` each chunk into it; while it `isBusy`, `push` nothing into it, so that it goes on,
 * and let others run between.
 * Source: memberlist-protocol.md, sections 6 and 8.3.
 */
import { Option, Result } from "effect"
import * as Bytes from "../Bytes.ts"
import * as Compression from "./Compression.ts"
import type { Framing } from "./Framing.ts"
import * as Label from "./Label.ts"
import { MessageType, type StreamMessage } from "./Message.ts"
import { write } from "./MessageWriter.ts"
import * as Writer from "./MsgpackWriter.ts"
import * as PushPull from "./PushPullCodec.ts"
import { type Step, sealedHeaderBytes, step } from "./StreamStages.ts"
import { append, type Role, receivedBytesMax, rejected, type State, type StreamRejected } from "./StreamState.ts"

export { heldBytes, isProven, type RejectReason, type Role, type State, type StreamRejected } from "./StreamState.ts"

const noBytes = new Uint8Array(0)

/** The message of a stream. */
export interface Received {
  readonly message: StreamMessage
  /** One reason for each node state that was left out of a push/pull. */
  readonly skipped: ReadonlyArray<PushPull.SkipReason>
}

/** A reader that has read nothing yet; `role` is our own side of the connection. */
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

/** Whether the label and the first header have come, so that it is known what is to follow. */
export const isBegun = ({ end, finished, stage, start }: State): boolean => {
  if (finished !== undefined) return true
  return stage === "sealed" ? end - start >= sealedHeaderBytes : stage !== "label" && stage !== "type"
}

/** Gives up a stream for which there is no room. */
export const giveUp = (state: State): StreamRejected => {
  const outcome = rejected(state, "memory")
  finish(state, outcome)
  return outcome
}

/** Whether the bytes so far are not worked off: the message may be whole, and no more may come. */
export const isBusy = (state: State): boolean => state.isBusy

/**
 * Takes the next bytes of the connection: none while the message is not whole, or not worked off.
 *
 * Bytes after the message are ignored when they come with its end, as peers do, and refused as "trailing" later. The
 * chunk is copied. All chunkings of the same bytes have the same result.
 * Errors: `StreamRejected`; the caller sends an `Err` when it is owed, and closes. The same one again on further calls.
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
 * Takes the end of the connection: well if a message was read, or nothing was said at all.
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

/** What is sealed, if anything is. */
export const bodyOf = (message: StreamMessage, compress: boolean): Uint8Array =>
  compress ? Compression.encode(plain(message)) : plain(message)

/** All that one side sends for a body. */
export const frame = (body: Uint8Array, framing: Framing, role: Role): Uint8Array => {
  const sealed = seal(body, framing)
  return role === "dialler" && framing.label.length > 0 ? Bytes.concat([Label.header(framing.label), sealed]) : sealed
}

/**
 * Encodes all that one side sends; `role` is our own, and only a dialler sends the label.
 *
 * Compression, when on, is applied even where it makes the message longer, as peers do.
 * Units: peers refuse more than 20 MiB of user state, user message or encrypted payload.
 */
export const encode = (message: StreamMessage, framing: Framing, role: Role): Uint8Array =>
  frame(bodyOf(message, framing.compress), framing, role)
