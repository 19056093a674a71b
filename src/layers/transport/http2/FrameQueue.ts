/**
 * FrameQueue: the frames of one stream that speaks Connect: cut from its bytes, watched while they come, kept until
 * they are taken.
 */
import { Cause, Option, Schema } from "effect"
import * as Foreign from "../../../protocol/Foreign.ts"
import * as Envelope from "../../../protocol/flow/Envelope.ts"
import type * as Frame from "../../../protocol/flow/Frame.ts"
import { FrameParser } from "../../../protocol/flow/FrameParser.ts"
import { weightOf } from "../../../protocol/flow/Limits.ts"
import * as Progress from "../../../protocol/flow/Progress.ts"
import { LinkBroken } from "../../../services/Transport.ts"
import * as ReceivedMemory from "./ReceivedMemory.ts"

const End = Schema.fromJsonString(Schema.Struct({ error: Schema.optionalKey(Schema.Unknown) }))
const decodeEnd = Schema.decodeUnknownOption(End)
const decoder = new TextDecoder()

export const violation = (detail: string) => new LinkBroken({ how: "violation", detail })

/** Decodes the end of an answer: Done, or a violation with its error. */
export const endOf = (json: Uint8Array): LinkBroken | Cause.Done => {
  const text = decoder.decode(json)
  const end = decodeEnd(text)
  if (Option.isNone(end)) return violation("the answer ended with something that is no end")
  return end.value.error === undefined ? Cause.Done() : violation(`the answer ended with ${Foreign.text(text)}`)
}

/** A record and functions, for the reason given at `Outbound`. */
export interface FrameQueue {
  readonly envelopes: Envelope.Parser
  readonly parser: FrameParser
  /** Progress of a frame of which a part has come, made when it is looked at. */
  progress: Progress.Progress | undefined
  /** Index in the parser's frames of the next one to take. */
  head: number
}

export const make = (options: Pick<Envelope.Parser, "bytesMax" | "hasEnd">): FrameQueue => {
  const parser = new FrameParser()
  return { envelopes: Envelope.make({ ...options, body: parser }), parser, progress: undefined, head: 0 }
}

/** Counts the messages that wait. */
const messagesIn = ({ head, parser }: FrameQueue): number => {
  let messages = 0
  for (let at = head; at < parser.frames.length; at++) {
    const frame = parser.frames[at]
    if (frame?._tag === "Data") messages += frame.runs?.count ?? frame.messages.length
  }
  return messages
}

/** Parses received bytes. Returns the detail of a violation, after which nothing more may be pushed. */
export const push = (frames: FrameQueue, chunk: Uint8Array): string | undefined => {
  const { buffer, byteLength, byteOffset } = chunk
  const detail = Envelope.push(frames.envelopes, new Uint8Array(buffer, byteOffset, byteLength))
  ReceivedMemory.balance(byteLength, messagesIn(frames))
  return detail
}

/** Counts the bytes that have come and were not taken: frames that wait, and the part of one that is not whole. */
export const heldBytes = ({ envelopes, head, parser }: FrameQueue): number => {
  let bytes = parser.heldBytes + (envelopes.end?.count ?? 0)
  for (let at = head; at < parser.frames.length; at++) {
    const frame = parser.frames[at]
    if (frame?._tag === "Data") bytes += frame.runs?.weight ?? weightOf(frame.messages)
  }
  return bytes
}

export const isEmpty = ({ head, parser }: FrameQueue): boolean => head >= parser.frames.length

/** Takes the next frame; undefined when none waits. */
export const take = (frames: FrameQueue): Frame.Frame | undefined => {
  const all = frames.parser.frames
  const frame = all[frames.head]
  if (frame === undefined) return undefined
  frames.head += 1
  if (isEmpty(frames)) {
    all.length = 0
    frames.head = 0
  }
  return frame
}

/** Prepares the frames that are left for a wait. */
export const keep = ({ head, parser }: FrameQueue): void => {
  for (let at = head; at < parser.frames.length; at++) {
    const frame = parser.frames[at]
    if (frame?._tag === "Data") frame.runs?.keep()
  }
}

/** Returns the violation of a frame that comes too slowly while this side reads; undefined when there is none. */
export const look = (
  frames: FrameQueue,
  bounds: Progress.Bounds,
  { isRead, nowMillis }: { readonly isRead: boolean; readonly nowMillis: number }
): string | undefined => {
  const { envelopes } = frames
  if (Envelope.isComplete(envelopes) || !isRead) {
    frames.progress = undefined
    return undefined
  }
  frames.progress ??= Progress.make()
  return Progress.look(frames.progress, bounds, {
    nowMillis,
    frame: envelopes.wholeCount,
    bytes: envelopes.pushedBytes
  })
}
