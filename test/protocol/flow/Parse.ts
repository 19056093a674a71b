/** Frames out of the bytes of a stream, in a form that does not depend on how the bytes were cut. */
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import type * as Frame from "../../../src/protocol/flow/Frame.ts"
import { FrameParser } from "../../../src/protocol/flow/FrameParser.ts"

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** What the frames say: each message by itself, and what is no message as it is. */
export const said = (frames: ReadonlyArray<Frame.Frame>): ReadonlyArray<unknown> =>
  frames.flatMap((frame): ReadonlyArray<unknown> => {
    if (frame._tag !== "Data") return [frame]
    if (frame.partial && frame.messages.length === 0) return ["nothing goes on"]
    const messages = frame.messages.map(hex)
    return frame.partial ? [...messages, "which goes on"] : messages
  })

export interface Parsed {
  readonly frames: ReadonlyArray<Frame.Frame>
  readonly violation: string | undefined
  readonly isComplete: boolean
}

export const parse = (chunks: ReadonlyArray<Uint8Array>): Parsed => {
  const body = new FrameParser()
  const envelopes = Envelope.make({ bytesMax: 1 << 24, hasEnd: false, body })
  let violation: string | undefined
  for (const chunk of chunks) violation ??= Envelope.push(envelopes, chunk)
  return { frames: body.frames, violation, isComplete: Envelope.isComplete(envelopes) }
}
