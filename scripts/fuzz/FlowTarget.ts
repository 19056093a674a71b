/**
 * Whole flows: envelopes cut into chunks, their frames, and what a receiver makes of them.
 *
 * However they are cut, the same messages come out, and a flow that ends in good order does so all the same.
 */
import { deepStrictEqual } from "node:assert"
import * as FrameQueue from "../../src/layers/transport/http2/FrameQueue.ts"
import * as Inbox from "../../src/protocol/flow/Inbox.ts"
import * as Limits from "../../src/protocol/flow/Limits.ts"
import * as Receiver from "../../src/protocol/flow/Receiver.ts"
import * as Legal from "./Legal.ts"
import type { Target } from "./Target.ts"

interface Outcome {
  readonly messages: ReadonlyArray<string>
  readonly end: string
}

const hexOf = (message: unknown): string =>
  message instanceof Uint8Array ? Buffer.from(message).toString("hex") : JSON.stringify(message)

const limits: Limits.Limits = { ...Limits.defaults, messageBytesMax: 200_000 }

const read = (input: Uint8Array, hasEnd: boolean, chunkBytes: number): Outcome => {
  const frames = FrameQueue.make({ bytesMax: Limits.frameWireBytesMax, hasEnd })
  const receiver = Receiver.make(limits)
  const inbox = Inbox.make(limits)
  const messages: Array<string> = []
  let end = "open"
  let isFirst = true
  for (let at = 0; at < input.length && end === "open"; at += chunkBytes) {
    const violation = FrameQueue.push(frames, input.slice(at, at + chunkBytes))
    while (end === "open" && !FrameQueue.isEmpty(frames)) {
      const frame = FrameQueue.take(frames)
      if (frame === undefined) throw new Error("there is a frame, and none is given")
      // The handshake is before the flow.
      const isHandshake = isFirst && frame._tag !== "Data"
      isFirst = false
      if (isHandshake) continue
      const received = Receiver.receive(receiver, frame)
      if (received._tag !== "Messages") end = received._tag
      else {
        Inbox.push(inbox, received.batch)
        for (const message of Inbox.takeAll(inbox)) messages.push(hexOf(message))
      }
    }
    if (violation !== undefined && end === "open") end = "violation"
  }
  const said = frames.envelopes.end
  if (end === "open" && said !== undefined) end = "answered"
  if (receiver.status === "ended" && receiver.receivedCount !== messages.length)
    throw new Error(`${messages.length} messages came out of ${receiver.receivedCount}`)
  return { messages, end }
}

export const flow: Target = {
  name: "flow",
  says: "frames of a flow in envelopes, cut into chunks",
  legal: [
    ...Legal.calls.map((bytes) => Uint8Array.of(0, ...bytes)),
    ...Legal.answers.map((bytes) => Uint8Array.of(1, ...bytes))
  ],
  bytesMax: 65_536,
  bounds: { heapBase: 16 * 1024 * 1024, heapPerByte: 128, millis: 40 },
  run: (input) => {
    const how = input[0] ?? 0
    const bytes = input.subarray(1)
    const whole = read(bytes, how % 2 === 1, Math.max(1, bytes.length))
    const cut = read(bytes, how % 2 === 1, 1 + (how % 97))
    // What has come of a frame that is not whole, or is none, may be handed on before that shows.
    const isHalf = (how: string): boolean => how === "open" || how === "violation" || how === "Violation"
    if (!isHalf(whole.end) || !isHalf(cut.end)) deepStrictEqual(cut, whole)
    const count = Math.min(cut.messages.length, whole.messages.length)
    deepStrictEqual(cut.messages.slice(0, count), whole.messages.slice(0, count))
  }
}
