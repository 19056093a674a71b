/**
 * Receiving half of a flow: checks each frame against the state and joins messages that were cut.
 *
 * States: open (Data may come) -> ended (End came, and its count agreed) | failed (Fail came, or a rule was broken).
 * Invariants: messages come out in order, each exactly once; "ended" is reached only with as many messages as End says
 * and no incomplete message; after "ended" or "failed" every further frame but Fail is a violation.
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
  /** True once a frame came; from a caller of revision 1 or later, the second word. */
  hasHeard: boolean
  /** True once the peer said that its endpoint is being withdrawn. */
  isDraining: boolean
  /** Pieces of a message that continues in the next Data frame; created for the first one. */
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

/** Returns the bytes of a message that continues in the next Data frame. */
export const openBytes = ({ pieces }: Receiver): number => pieces?.bytes ?? 0

/** Joins a message that was cut and continues, or ends, in these messages. */
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

/** Returns true for an empty piece, which would cost a frame and add nothing to its message. */
const hasEmptyPiece = (receiver: Receiver, { messages, partial }: Data): boolean =>
  (partial && messages[messages.length - 1]?.byteLength === 0) ||
  (receiver.pieces !== undefined && messages[0]?.byteLength === 0)

/** Number of messages as views above which they are packed. */
const viewsMax = 64

/** Copies waiting messages out of a frame that is mostly other data, and packs many into one object. */
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
  // Messages cut from `runs` may wait for the reader, or for their last piece.
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

/** Receives whole messages within the limit, without looking at each; undefined for any others. */
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

/** Receives a Fail; a declared error that was cut is joined like a message. */
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
