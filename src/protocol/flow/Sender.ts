/**
 * The sending half of a flow: packs messages into frames as they come, and knows what the other side can have seen.
 *
 * States: open (messages may be queued) -> ending (the last frame is known; what is queued still goes out before it)
 * -> ended (the last frame is out) | failed (what is queued is dropped; nothing more goes out). From ended one Fail leads to
 * ending once more.
 * Invariants: messages leave in the order in which they came, each exactly once; the last frame is End, with the number
 * that left, or Fail, with or without an End before it. A message is copied when it is queued, so its owner may change it
 * afterwards.
 */
import type * as Buffers from "./Buffers.ts"
import * as Copies from "./Copies.ts"
import { type Data, draining, type End, type Fail, fail, type Local, word } from "./Frame.ts"
import * as FrameBytes from "./FrameBytes.ts"
import { type Limits, weight, wholeErrorBytesMax } from "./Limits.ts"
import { bytesOf, type Message } from "./Message.ts"
import * as Packing from "./Packing.ts"

/** What will be a frame of this tag: for the wire, or for a reader within the process. */
type Filling =
  | { readonly _tag: "Data"; readonly content: Packing.Packing; readonly buffers: Buffers.Buffers }
  | { readonly _tag: "Local"; readonly content: Copies.Copies }

/** A frame that waits: the last one that does may still take messages. */
type Waiting = Filling & {
  /** Holds a piece of a message that goes on in the next frame. */
  readonly partial: boolean
  weight: number
}

export interface Sender {
  readonly limits: Limits
  /** Undefined when the frames stay within the process. */
  readonly buffers: Buffers.Buffers | undefined
  readonly waiting: Array<Waiting>
  /** Weight of everything that waits. */
  waitingBytes: number
  /** What the last frame held: how large the next one may become. */
  lastBytes: number
  status: "open" | "ending" | "ended" | "failed"
  /** Messages whose last byte has left. */
  sentCount: number
  /** A frame with messages was taken, or End: a handler may act on the end of an empty input, too. */
  hasLeft: boolean
  /** Goes out instead of End. */
  fail: Fail | undefined
  /** A frame without messages that is due: a word, unless another frame is one first; or that the endpoint is withdrawn. */
  due: "nothing" | "word" | "draining"
  /** The last frame ended within a message. */
  isWithin: boolean
}

/** Flows may share their buffers. Without any, messages are copied for a reader within the process, and never cut. */
export const make = (limits: Limits, buffers: Buffers.Buffers | undefined): Sender => ({
  limits,
  buffers,
  waiting: [],
  waitingBytes: 0,
  lastBytes: 0,
  status: "open",
  sentCount: 0,
  hasLeft: false,
  fail: undefined,
  due: "nothing",
  isWithin: false
})

/** True while another message may be queued without waiting. An empty queue takes a message of any size. */
export const hasRoom = (sender: Sender): boolean => sender.waitingBytes < sender.limits.bufferBytesMax

const begin = (sender: Sender, bytes: number, partial: boolean): Waiting => {
  const { buffers, lastBytes } = sender
  const wireBytes = Math.max(Packing.sizeOf(bytes), lastBytes)
  const waiting: Waiting =
    buffers === undefined
      ? { _tag: "Local", content: Copies.make(lastBytes), partial, weight: 0 }
      : { _tag: "Data", content: Packing.make(wireBytes, buffers), buffers, partial, weight: 0 }
  sender.waiting.push(waiting)
  return waiting
}

/** The frame that takes the next message, or its last piece. */
const open = (sender: Sender, bytes: number): Waiting => {
  const { frameBytesMax, frameMessagesMax } = sender.limits
  const last = sender.waiting[sender.waiting.length - 1]
  return last === undefined ||
    last.partial ||
    last.content.count >= frameMessagesMax ||
    last.content.payloadBytes + bytes > frameBytesMax
    ? begin(sender, bytes, false)
    : last
}

const put = (sender: Sender, waiting: Waiting, message: Message, itsWeight: number): void => {
  if (waiting._tag === "Local") Copies.add(waiting.content, message)
  else Packing.add(waiting.content, bytesOf(message), waiting.buffers)
  waiting.weight += itsWeight
  sender.waitingBytes += itsWeight
}

/** Puts the pieces of a message that fill frames of their own into such; what is left of it. */
const cut = (sender: Sender, message: Uint8Array): Uint8Array => {
  const { frameBytesMax } = sender.limits
  if (message.byteLength <= frameBytesMax) return message
  let offset = 0
  while (message.byteLength - offset > frameBytesMax) {
    const piece = message.subarray(offset, offset + frameBytesMax)
    put(sender, begin(sender, frameBytesMax, true), piece, frameBytesMax)
    offset += frameBytesMax
  }
  return message.subarray(offset)
}

/** Queues a message; the caller has checked `hasRoom` and the size. False once `end` was said or the flow has failed. */
export const offer = (sender: Sender, message: Message): boolean => {
  if (sender.status !== "open") return false
  const rest = sender.buffers === undefined ? message : cut(sender, bytesOf(message))
  put(sender, open(sender, rest.byteLength), rest, weight(rest))
  return true
}

/**
 * A declared error that does not fit into a frame is cut like a message: what the last frame does not hold leaves before it.
 * Who does not know such an error hears why the flow is reset. Once End is out nothing more may be cut, so all hear that.
 */
export const sized = (sender: Sender, last: Fail): Fail => {
  const { byteLength } = last.error
  if (sender.buffers === undefined || byteLength <= wholeErrorBytesMax) return last
  const detail = `the endpoint failed with an error of ${byteLength} bytes`
  if (sender.status !== "ended") return fail("DomainCut", detail, cut(sender, last.error))
  return fail("MessageTooLarge", `${detail}, at most ${wholeErrorBytesMax} are allowed after its end`)
}

/**
 * Says that no more messages come, and why if it is no good end, which may also be said after a good one. False when it was
 * said before, or the flow has failed.
 */
export const end = (sender: Sender, last?: Fail): boolean => {
  if (sender.status !== "open") return last !== undefined && amend(sender, last)
  sender.status = "ending"
  sender.fail = last && sized(sender, last)
  return true
}

/** What may be said last in place of all that waits: the rest of an error says nothing alone. */
export const lastWord = ({ fail, waiting }: Sender): Fail | undefined =>
  fail?.reason === "DomainCut" && waiting.length > 0 ? undefined : fail

/** Has a Fail go out in place of End, or after it; false if there is no good end to amend. */
const amend = (sender: Sender, last: Fail): boolean => {
  if (sender.status === "failed" || sender.fail !== undefined) return false
  sender.fail = sized(sender, last)
  sender.status = "ending"
  return true
}

/** Has a frame without messages leave; false if there is nobody to tell any more. It says nothing that a handler could act on. */
export const owe = (sender: Sender, due: "word" | "draining"): boolean => {
  if (sender.status !== "open") return false
  sender.due = due
  return true
}

/** What is due before the next frame with messages, which is never within one. */
const takeDue = (sender: Sender): Data | undefined => {
  const { due, isWithin, status, waiting } = sender
  if (due === "nothing" || isWithin || status === "failed" || status === "ended") return undefined
  sender.due = "nothing"
  if (due === "draining") return draining
  return waiting.length === 0 && status === "open" ? word : undefined
}

/** Drops what waits: nothing more goes out, but for the given last frame, unless a Fail is out already. */
export const abandon = (sender: Sender, last?: Fail): void => {
  sender.waiting.length = 0
  sender.waitingBytes = 0
  if (sender.status === "ended") {
    if (last !== undefined) amend(sender, last)
    return
  }
  sender.status = last === undefined ? "failed" : "ending"
  sender.fail = last
}

/** The next frame to write: as many waiting messages as fit; the last frame when all have left; undefined when none is due. */
export const take = (sender: Sender): Data | Local | End | Fail | undefined => {
  const due = takeDue(sender)
  if (due !== undefined) return due
  const next = sender.waiting.shift()
  if (next !== undefined) {
    const { content, partial } = next
    sender.waitingBytes -= next.weight
    sender.lastBytes = content.payloadBytes
    sender.sentCount += partial ? content.count - 1 : content.count
    sender.hasLeft = true
    sender.isWithin = partial
    if (next._tag === "Local") return Copies.seal(next.content)
    return FrameBytes.packed(Packing.seal(next.content, partial), partial)
  }
  if (sender.status !== "ending") return undefined
  sender.status = "ended"
  if (sender.fail !== undefined) return sender.fail
  sender.hasLeft = true
  return { _tag: "End", count: sender.sentCount }
}

/**
 * Whether the other side can have seen what this one said, or still will: its messages, or their end. It is "no" while
 * nothing was offered, and for good once all that was offered has been dropped before any of it left.
 */
export const delivered = ({ fail, hasLeft, status, waiting }: Sender): "no" | "maybe" =>
  hasLeft || waiting.length > 0 || (status === "ending" && fail === undefined) ? "maybe" : "no"
