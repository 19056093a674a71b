/**
 * The receiving half of a flow: checks each frame against the state and joins messages that were cut.
 *
 * States: open (Data may come) -> ended (End came, and its count agreed) | failed (Fail came, or the peer broke the rules).
 * Invariants: messages come out in order, each exactly once; "ended" is reached only with as many messages as End says
 * and no message half joined; after "ended" or "failed" every further frame but Fail is a violation.
 */
import { concat } from "../Bytes.ts"
import type { Fail, Frame } from "./Frame.ts"
import type { Limits } from "./Limits.ts"
import { firstAbove, type Message } from "./Message.ts"

export interface Receiver {
  readonly limits: Limits
  status: "open" | "ended" | "failed"
  receivedCount: number
  /** Pieces of a message that goes on in the next Data frame. */
  pieces: Array<Uint8Array>
  piecesBytes: number
}

export type Received =
  | { readonly _tag: "Messages"; readonly messages: ReadonlyArray<Message> }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Failed"; readonly fail: Fail }
  | { readonly _tag: "TooLarge"; readonly bytes: number }
  | { readonly _tag: "Violation"; readonly detail: string }

export const make = (limits: Limits): Receiver => ({
  limits,
  status: "open",
  receivedCount: 0,
  pieces: [],
  piecesBytes: 0
})

const violation = (receiver: Receiver, detail: string): Received => {
  receiver.status = "failed"
  return { _tag: "Violation", detail }
}

const tooLarge = (receiver: Receiver, bytes: number): Received => {
  receiver.status = "failed"
  return { _tag: "TooLarge", bytes }
}

const receiveData = (receiver: Receiver, messages: ReadonlyArray<Uint8Array>, partial: boolean): Received => {
  const { messageBytesMax } = receiver.limits
  if (partial && messages.length === 0) return violation(receiver, "a partial Data frame without a message")
  const complete: Array<Uint8Array> = []
  const last = messages.length - 1
  for (let i = 0; i <= last; i++) {
    const message = messages[i]
    if (message === undefined) continue
    const bytes = receiver.piecesBytes + message.byteLength
    if (bytes > messageBytesMax) return tooLarge(receiver, bytes)
    if (partial && i === last) {
      receiver.pieces.push(message)
      receiver.piecesBytes = bytes
    } else if (receiver.pieces.length > 0) {
      receiver.pieces.push(message)
      complete.push(concat(receiver.pieces))
      receiver.pieces = []
      receiver.piecesBytes = 0
    } else complete.push(message)
  }
  receiver.receivedCount += complete.length
  return { _tag: "Messages", messages: complete }
}

const receiveLocal = (receiver: Receiver, messages: ReadonlyArray<Message>): Received => {
  if (receiver.pieces.length > 0) return violation(receiver, "another message in the middle of one")
  const above = firstAbove(messages, receiver.limits.messageBytesMax)
  if (above !== undefined) return tooLarge(receiver, above)
  receiver.receivedCount += messages.length
  return { _tag: "Messages", messages }
}

const receiveEnd = (receiver: Receiver, count: number): Received => {
  if (receiver.pieces.length > 0) return violation(receiver, "End in the middle of a message")
  if (count !== receiver.receivedCount)
    return violation(receiver, `End says ${count} messages, ${receiver.receivedCount} came`)
  receiver.status = "ended"
  return { _tag: "Ended" }
}

/** Takes the next frame of an accepted flow. */
export const receive = (receiver: Receiver, frame: Frame): Received => {
  if (frame._tag === "Fail" && receiver.status !== "failed") {
    receiver.status = "failed"
    return { _tag: "Failed", fail: frame }
  }
  if (receiver.status !== "open") return violation(receiver, `${frame._tag} after the flow had ${receiver.status}`)
  switch (frame._tag) {
    case "Data":
      return receiveData(receiver, frame.messages, frame.partial)
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
