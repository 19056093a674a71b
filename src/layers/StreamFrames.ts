/**
 * The frames that come over one stream that speaks Connect: cut from its bytes, watched while they come, kept until they
 * are taken.
 */
import { Cause, Option, type Result, Schema } from "effect"
import * as Envelope from "../protocol/flow/Envelope.ts"
import type * as Frame from "../protocol/flow/Frame.ts"
import * as FrameBytes from "../protocol/flow/FrameBytes.ts"
import * as Progress from "../protocol/flow/Progress.ts"
import { LinkBroken } from "../services/Transport.ts"
import * as FlowBuffers from "./FlowBuffers.ts"

const End = Schema.fromJsonString(Schema.Struct({ error: Schema.optionalKey(Schema.Unknown) }))
const decodeEnd = Schema.decodeUnknownOption(End)
const decoder = new TextDecoder()

export const violation = (detail: string) => new LinkBroken({ how: "violation", detail })

/** How an answer ended that said so. */
export const endOf = (json: Uint8Array): LinkBroken | Cause.Done => {
  const text = decoder.decode(json)
  const end = decodeEnd(text)
  if (Option.isNone(end)) return violation("the answer ended with something that is no end")
  return end.value.error === undefined ? Cause.Done() : violation(`the answer ended with ${text.slice(0, 200)}`)
}

/** What waits in a flow for which nothing does. */
const nothing: Array<Uint8Array> = []

/** A record and functions, for the reason that `FlowWriter` is. */
export interface StreamFrames {
  readonly parser: Envelope.Parser
  /** That of a frame of which a part has come, made when it is looked at. */
  progress: Progress.Progress | undefined
  waiting: Array<Uint8Array>
  /** Index in `waiting` of the next one to take. */
  head: number
}

export const make = (options: Pick<Envelope.Parser, "bytesMax" | "hasEnd">): StreamFrames => ({
  parser: Envelope.make({
    bytesMax: options.bytesMax,
    hasEnd: options.hasEnd,
    buffers: FlowBuffers.shared,
    isOneMessage: FrameBytes.isOneMessage
  }),
  progress: undefined,
  waiting: nothing,
  head: 0
})

/** Takes what has come. The detail of a violation, after which nothing more may be pushed. */
export const push = (frames: StreamFrames, chunk: Uint8Array): string | undefined => {
  if (frames.waiting === nothing) frames.waiting = []
  return Envelope.push(frames.parser, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength), frames.waiting)
}

export const isEmpty = ({ head, waiting }: StreamFrames): boolean => head >= waiting.length

/** Drops what waits. */
export const clear = (frames: StreamFrames): void => {
  frames.waiting = nothing
  frames.head = 0
}

/** The next frame, or what is wrong with it; undefined when none waits. */
export const take = (frames: StreamFrames): Result.Result<Frame.Frame, Frame.FrameInvalid> | undefined => {
  const bytes = frames.waiting[frames.head]
  if (bytes === undefined) return undefined
  frames.head += 1
  if (isEmpty(frames)) clear(frames)
  return FrameBytes.decode(bytes, FlowBuffers.shared)
}

/** What is wrong with how a frame comes, if one does and this side reads; undefined when nothing is. */
export const look = (
  frames: StreamFrames,
  bounds: Progress.Bounds,
  { isRead, nowMillis }: { readonly isRead: boolean; readonly nowMillis: number }
): string | undefined => {
  const { parser } = frames
  if (Envelope.isComplete(parser) || !isRead) {
    frames.progress = undefined
    return undefined
  }
  frames.progress ??= Progress.make()
  return Progress.look(frames.progress, bounds, { nowMillis, frame: parser.wholeCount, bytes: parser.pushedBytes })
}
