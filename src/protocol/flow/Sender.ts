/**
 * Sending half of a flow: packs messages into frames, and tracks what the other side can have seen.
 *
 * States: open (messages may be queued) -> ending (the last frame is known; queued messages still leave before it) ->
 * ended (the last frame is out) | failed (queued messages are dropped; nothing more leaves). One Fail leads from ended
 * back to ending.
 * Invariants: messages leave in the order in which they came, each exactly once; the last frame is End, with the number
 * of messages that left, or Fail, with or without an End before it. A message is copied when it is queued, so its owner
 * may change it afterwards.
 */
import type * as Buffers from "./Buffers.ts"
import * as Copies from "./Copies.ts"
import { type Data, draining, type End, type Fail, fail, type Local, word } from "./Frame.ts"
import * as FrameBytes from "./FrameBytes.ts"
import { type Limits, weight, wholeErrorBytesMax } from "./Limits.ts"
import { bytesOf, type Message } from "./Message.ts"
import * as Packing from "./Packing.ts"

/** Frame under construction: for the wire, or for a reader within the process. */
type Filling =
  | { readonly _tag: "Data"; readonly content: Packing.Packing; readonly buffers: Buffers.Buffers }
  | { readonly _tag: "Local"; readonly content: Copies.Copies }

/** Frame that waits; the last one may still take messages. */
type Waiting = Filling & {
  /** True when the frame holds a piece of a message that continues in the next one. */
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
  /** Payload of the last frame taken, in bytes: the expected size of the next one. */
  lastBytes: number
  status: "open" | "ending" | "ended" | "failed"
  /** Messages whose last byte has left. */
  sentCount: number
  /** True once a frame with messages was taken, or End: a handler may act on the end of an empty input, too. */
  hasLeft: boolean
  /** Fail to send instead of End. */
  fail: Fail | undefined
  /** Frame without messages that is due: a word, which any earlier frame replaces, or the notice of withdrawal. */
  due: "nothing" | "word" | "draining"
  /** True when the last frame ended within a message. */
  isWithin: boolean
}

/** Makes a sender. Flows may share `buffers`; without any, messages are copied within the process, never cut. */
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

/** Returns true while another message may be queued at once. An empty queue takes a message of any size. */
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

/** Returns the frame for the next message, or for its last piece. */
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

/** Puts the pieces of a message that fill whole frames into those. Returns the rest of the message. */
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

/** Queues a message; the caller has checked `hasRoom` and the size. Returns false after `end` or a failure. */
export const offer = (sender: Sender, message: Message): boolean => {
  if (sender.status !== "open") return false
  const rest = sender.buffers === undefined ? message : cut(sender, bytesOf(message))
  put(sender, open(sender, rest.byteLength), rest, weight(rest))
  return true
}

/**
 * Cuts a declared error that exceeds a frame like a message: all pieces but the last leave in Data frames. A peer that
 * does not know such an error reads why the flow is reset, and so does every peer after End, when nothing may be cut.
 */
export const sized = (sender: Sender, last: Fail): Fail => {
  const { byteLength } = last.error
  if (sender.buffers === undefined || byteLength <= wholeErrorBytesMax) return last
  const detail = `the endpoint failed with an error of ${byteLength} bytes`
  if (sender.status !== "ended") return fail("DomainCut", detail, cut(sender, last.error))
  return fail("MessageTooLarge", `${detail}, at most ${wholeErrorBytesMax} are allowed after its end`)
}

/**
 * Ends the direction with End, or with the Fail `last`, which may also follow an End. Returns false when it has ended
 * with a Fail before, or the flow has failed.
 */
export const end = (sender: Sender, last?: Fail): boolean => {
  if (sender.status !== "open") return last !== undefined && amend(sender, last)
  sender.status = "ending"
  sender.fail = last && sized(sender, last)
  return true
}

/** Returns the Fail that may replace everything that waits; never the last piece of an error, useless alone. */
export const lastWord = ({ fail, waiting }: Sender): Fail | undefined =>
  fail?.reason === "DomainCut" && waiting.length > 0 ? undefined : fail

/** Sends a Fail in place of End, or after it. Returns false after another Fail or a failure. */
const amend = (sender: Sender, last: Fail): boolean => {
  if (sender.status === "failed" || sender.fail !== undefined) return false
  sender.fail = sized(sender, last)
  sender.status = "ending"
  return true
}

/** Schedules a frame without messages, on which no handler acts. Returns false once the direction has ended. */
export const owe = (sender: Sender, due: "word" | "draining"): boolean => {
  if (sender.status !== "open") return false
  sender.due = due
  return true
}

/** Takes the frame that is due before the next one with messages; never within a message. */
const takeDue = (sender: Sender): Data | undefined => {
  const { due, isWithin, status, waiting } = sender
  if (due === "nothing" || isWithin || status === "failed" || status === "ended") return undefined
  sender.due = "nothing"
  if (due === "draining") return draining
  return waiting.length === 0 && status === "open" ? word : undefined
}

/** Drops what waits: nothing more leaves but `last`, unless a Fail is out already. */
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

/** Takes the next frame to write: waiting messages, then the last frame; undefined when none is due. */
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
 * Returns whether the other side can have seen messages of this side or their end, or still will. "no" while nothing
 * was offered, and for good once everything offered has been dropped before any of it left.
 */
export const delivered = ({ fail, hasLeft, status, waiting }: Sender): "no" | "maybe" =>
  hasLeft || waiting.length > 0 || (status === "ending" && fail === undefined) ? "maybe" : "no"
