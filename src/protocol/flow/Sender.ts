/**
 * The sending half of a flow: packs waiting messages into frames, and knows what the other side can have seen.
 *
 * States: open (messages may be queued) -> ending (the last frame is known; what is queued still goes out before it)
 * -> ended (the last frame is out) | failed (what is queued is dropped; nothing more goes out).
 * Invariants: messages leave in the order in which they came, each exactly once; the last frame is End, with the number
 * that left, or Fail; once a Data frame was taken, `delivered` is "maybe" for ever.
 */
import type { Data, End, Fail } from "./Frame.ts"
import type { Limits } from "./Limits.ts"
import { weight } from "./Limits.ts"

export interface Sender {
  readonly limits: Limits
  readonly waiting: Array<Uint8Array>
  /** Index in `waiting` of the next message to leave. */
  head: number
  /** Bytes of `waiting[head]` that have left already. */
  offset: number
  /** Weight of everything that waits. */
  waitingBytes: number
  status: "open" | "ending" | "ended" | "failed"
  /** Messages whose last byte has left. */
  sentCount: number
  delivered: "no" | "maybe"
  /** Goes out instead of End. */
  fail: Fail | undefined
}

export const make = (limits: Limits): Sender => ({
  limits,
  waiting: [],
  head: 0,
  offset: 0,
  waitingBytes: 0,
  status: "open",
  sentCount: 0,
  delivered: "no",
  fail: undefined
})

/** True while another message may be queued without waiting. An empty queue takes a message of any size. */
export const hasRoom = (sender: Sender): boolean => sender.waitingBytes < sender.limits.bufferBytesMax

/** Queues a message; the caller has checked `hasRoom` and the size. False once `end` was said or the flow has failed. */
export const offer = (sender: Sender, message: Uint8Array): boolean => {
  if (sender.status !== "open") return false
  sender.waiting.push(message)
  sender.waitingBytes += weight(message)
  return true
}

/** Says that no more messages come, and why if it is no good end. False when it was said before, or the flow has failed. */
export const end = (sender: Sender, fail?: Fail): boolean => {
  if (sender.status !== "open") return false
  sender.status = "ending"
  sender.fail = fail
  return true
}

/** Drops what waits: nothing more goes out, but for the given last frame, unless the last frame is out already. */
export const abandon = (sender: Sender, last?: Fail): void => {
  sender.waiting.length = 0
  sender.head = 0
  sender.offset = 0
  sender.waitingBytes = 0
  if (sender.status === "ended") return
  sender.status = last === undefined ? "failed" : "ending"
  sender.fail = last
}

const compactAt = 1024

const leave = (sender: Sender, message: Uint8Array): void => {
  sender.head += 1
  sender.offset = 0
  sender.sentCount += 1
  sender.waitingBytes -= weight(message)
  if (sender.head === sender.waiting.length) {
    sender.waiting.length = 0
    sender.head = 0
  } else if (sender.head >= compactAt && sender.head * 2 >= sender.waiting.length) {
    sender.waiting.splice(0, sender.head)
    sender.head = 0
  }
}

const takeData = (sender: Sender, first: Uint8Array): Data => {
  const { frameBytesMax, frameMessagesMax } = sender.limits
  sender.delivered = "maybe"
  const rest = first.byteLength - sender.offset
  if (rest > frameBytesMax) {
    const piece = first.subarray(sender.offset, sender.offset + frameBytesMax)
    sender.offset += frameBytesMax
    return { _tag: "Data", messages: [piece], partial: true }
  }
  const messages = [sender.offset === 0 ? first : first.subarray(sender.offset)]
  let bytes = rest
  leave(sender, first)
  while (messages.length < frameMessagesMax) {
    const next = sender.waiting[sender.head]
    if (next === undefined || bytes + next.byteLength > frameBytesMax) break
    messages.push(next)
    bytes += next.byteLength
    leave(sender, next)
  }
  return { _tag: "Data", messages, partial: false }
}

/** True while a frame is due. */
export const hasWork = (sender: Sender): boolean => sender.head < sender.waiting.length || sender.status === "ending"

/** The next frame to write: as many waiting messages as fit; the last frame when all have left; undefined when none is due. */
export const take = (sender: Sender): Data | End | Fail | undefined => {
  const first = sender.waiting[sender.head]
  if (first !== undefined) return takeData(sender, first)
  if (sender.status !== "ending") return undefined
  sender.status = "ended"
  return sender.fail ?? { _tag: "End", count: sender.sentCount }
}
