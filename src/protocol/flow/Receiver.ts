/**
 * The receiving half of a flow: checks each frame against the state and joins messages that were cut.
 *
 * States: open (Data may come) -> ended (End came, and its count agreed) | failed (Fail came, or the peer broke the rules).
 * Invariants: messages come out in order, each exactly once; "ended" is reached only with as many messages as End says
 * and no message half joined; after "ended" or "failed" every further frame but Fail is a violation.
 */
import * as Batch from "./Batch.ts"
import type { Data, Fail, Frame } from "./Frame.ts"
import type { Limits } from "./Limits.ts"
import { firstAbove, type Message } from "./Message.ts"
import * as Pieces from "./Pieces.ts"

export interface Receiver {
  readonly limits: Limits
  status: "open" | "ended" | "failed"
  receivedCount: number
  /** A frame has come: of a caller that says a second word, that. */
  hasHeard: boolean
  /** The peer has said that it is being withdrawn. */
  isDraining: boolean
  /** Of a message that goes on in the next Data frame; made for the first one. */
  pieces: Pieces.Pieces | undefined
}

export type Received =
  | { readonly _tag: "Messages"; readonly batch: Batch.Batch }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Failed"; readonly fail: Fail }
  | { readonly _tag: "TooLarge"; readonly bytes: number }
  | { readonly _tag: "Violation"; readonly detail: string }

export const make = (limits: Limits): Receiver => ({
  limits,
  status: "open",
  receivedCount: 0,
  hasHeard: false,
  isDraining: false,
  pieces: undefined
})

const violation = (receiver: Receiver, detail: string): Received => {
  receiver.status = "failed"
  return { _tag: "Violation", detail }
}

const tooLarge = (receiver: Receiver, bytes: number): Received => {
  receiver.status = "failed"
  return { _tag: "TooLarge", bytes }
}

/** Bytes of a message that goes on in the next Data frame. */
export const openBytes = ({ pieces }: Receiver): number => pieces?.bytes ?? 0

/** Puts together a message that was cut and goes on, or ends, in these. */
const join = (receiver: Receiver, messages: ReadonlyArray<Uint8Array>, partial: boolean): ReadonlyArray<Uint8Array> => {
  const complete = partial ? messages.slice(0, -1) : [...messages]
  const [first] = complete
  if (first !== undefined && receiver.pieces !== undefined) {
    complete[0] = Pieces.join(receiver.pieces, first)
    receiver.pieces = undefined
  }
  const last = partial ? messages[messages.length - 1] : undefined
  if (last !== undefined) {
    receiver.pieces ??= Pieces.make()
    Pieces.add(receiver.pieces, last)
  }
  return complete
}

/** An empty piece would cost a frame, and bring a message no further. */
const hasEmptyPiece = (receiver: Receiver, { messages, partial }: Data): boolean =>
  (partial && messages[messages.length - 1]?.byteLength === 0) ||
  (receiver.pieces !== undefined && messages[0]?.byteLength === 0)

/** More messages than this that came as views are packed. */
const viewsMax = 64

/** Messages that wait hold on to no frame that is mostly something else, and take no object each. */
const kept = (messages: ReadonlyArray<Uint8Array>): Batch.Batch => {
  const [first] = messages
  if (first === undefined) return new Batch.Listed(messages)
  let bytes = 0
  for (const { byteLength } of messages) bytes += byteLength
  return messages.length > viewsMax || 2 * bytes < first.buffer.byteLength
    ? Batch.packed(messages)
    : new Batch.Listed(messages)
}

const received = (receiver: Receiver, batch: Batch.Batch): Received => {
  receiver.receivedCount += batch.count
  return { _tag: "Messages", batch }
}

const receiveData = (receiver: Receiver, data: Data): Received => {
  const { messageBytesMax } = receiver.limits
  // What is cut now may wait, for its reader or for the rest of it.
  data.runs?.keep()
  if (data.draining === true) receiver.isDraining = true
  const { messages, partial } = data
  if (partial && messages.length === 0) return violation(receiver, "a partial Data frame without a message")
  if (hasEmptyPiece(receiver, data)) return violation(receiver, "an empty piece of a message")
  let piecesBytes = openBytes(receiver)
  for (const { byteLength } of messages) {
    if (piecesBytes + byteLength > messageBytesMax) return tooLarge(receiver, piecesBytes + byteLength)
    piecesBytes = 0
  }
  const complete = partial || receiver.pieces !== undefined ? join(receiver, messages, partial) : messages
  return received(receiver, data.wire === undefined ? kept(complete) : new Batch.Listed(complete))
}

/** As `receiveData`, for messages of which each is whole and none too large: without looking at any of them. */
const receiveRuns = (receiver: Receiver, { partial, runs }: Data): Received | undefined =>
  runs === undefined || partial || receiver.pieces !== undefined || runs.largestBytes > receiver.limits.messageBytesMax
    ? undefined
    : received(receiver, runs)

const receiveLocal = (receiver: Receiver, messages: ReadonlyArray<Message>): Received => {
  if (receiver.pieces !== undefined) return violation(receiver, "another message in the middle of one")
  const above = firstAbove(messages, receiver.limits.messageBytesMax)
  return above === undefined ? received(receiver, new Batch.Listed(messages)) : tooLarge(receiver, above)
}

const receiveEnd = (receiver: Receiver, count: number): Received => {
  if (receiver.pieces !== undefined) return violation(receiver, "End in the middle of a message")
  if (count !== receiver.receivedCount)
    return violation(receiver, `End says ${count} messages, ${receiver.receivedCount} came`)
  receiver.status = "ended"
  return { _tag: "Ended" }
}

/** A declared error that was cut is put together like a message. */
const receiveFail = (receiver: Receiver, fail: Fail): Received => {
  const bytes = openBytes(receiver) + fail.error.byteLength
  if (fail.reason === "DomainCut" && bytes > receiver.limits.messageBytesMax) return tooLarge(receiver, bytes)
  receiver.status = "failed"
  if (fail.reason !== "DomainCut") return { _tag: "Failed", fail }
  const error = receiver.pieces === undefined ? fail.error : Pieces.join(receiver.pieces, fail.error)
  return { _tag: "Failed", fail: { ...fail, reason: "Domain", error } }
}

/** Takes the next frame of an accepted flow. */
export const receive = (receiver: Receiver, frame: Frame): Received => {
  receiver.hasHeard = true
  if (frame._tag === "Fail" && receiver.status !== "failed") return receiveFail(receiver, frame)
  if (receiver.status !== "open") return violation(receiver, `${frame._tag} after the flow had ${receiver.status}`)
  switch (frame._tag) {
    case "Data":
      return receiveRuns(receiver, frame) ?? receiveData(receiver, frame)
    case "Local":
      return receiveLocal(receiver, frame.messages)
    case "End":
      return receiveEnd(receiver, frame.count)
    case "Open":
    case "Accepted":
    case "Rejected":
    case "Fail":
      return violation(receiver, `${frame._tag} on a flow that is already open`)
  }
}
