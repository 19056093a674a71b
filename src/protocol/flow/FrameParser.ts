/**
 * The frames out of the messages of a stream, while they come: of a Data frame each message is handed on as soon as it is
 * whole, as a view of the chunk in which it came, or of memory of its own if it came in several.
 *
 * Shape: what a long Data frame holds comes out as several, of which only the last may be partial.
 * States of a frame: kind (nothing is known of it) -> messages (it is Data as `FrameBytes` writes it, so far) -> odd (Data
 * written in another way, from here on put together and left to the generated code) | whole (put together and left to it).
 * Bounds: a frame has at most `Limits.frameMessagesMax` messages, or other fields; they are counted before anything is made of them.
 * Errors: a frame that is none, or has more, is a violation, after which nothing more may be pushed.
 * Source: `proto/grinta/v1/flow.proto`; the protobuf encoding guide.
 */
import { Result } from "effect"
import * as Batch from "./Batch.ts"
import type * as Envelope from "./Envelope.ts"
import * as Fields from "./Fields.ts"
import type * as Frame from "./Frame.ts"
import * as FrameBytes from "./FrameBytes.ts"
import * as Held from "./Held.ts"
import { frameMessagesMax } from "./Limits.ts"
import { dataTag, messagesTag, partialTag } from "./Packing.ts"
import * as Varint from "./Varint.ts"

/** A tag and a length of 28 bits. */
const headBytesMax = 5

/** Data that came in a stream. */
class Came implements Frame.Data {
  readonly _tag = "Data"
  readonly runs: Batch.Runs
  readonly partial: boolean
  readonly draining: boolean

  constructor(runs: Batch.Runs, partial: boolean, draining = false) {
    this.runs = runs
    this.partial = partial
    this.draining = draining
  }

  get messages(): ReadonlyArray<Uint8Array> {
    return this.runs.all()
  }
}

/** Data written in another way may hold a view for each two bytes, or one byte in a frame of nothing else. */
const tight = (frame: Frame.Frame): Frame.Frame =>
  frame._tag === "Data" && frame.messages.length > 0
    ? new Came(Batch.packed(frame.messages), frame.partial, frame.draining)
    : frame

/** Messages, and what else there is in a frame that is not written as hosts do. */
const fieldsMax = frameMessagesMax + 64

const crowded = `a frame of more than ${frameMessagesMax} messages`

/** Where the messages begin in a Data frame of this length; 0 for another frame, and one that goes on behind them. */
const messagesAt = (bytes: Uint8Array, at: number, frameBytes: number): number => {
  const dataBytes = frameBytes > 0 && bytes[at] === dataTag ? Varint.read(bytes, at + 1) : -1
  const start = 1 + Varint.sizeOf(dataBytes)
  return dataBytes >= 0 && dataBytes === frameBytes - start ? start : 0
}

/** What is not known of an item before more of it has come, and an item that is not as `FrameBytes` writes them. */
const unknown = -2
const odd = -1

/** The length of the item that begins at `at`, of which what is before `to` has come, with `leftBytes` to come in the frame. */
const itemBytes = (bytes: Uint8Array, at: number, to: number, leftBytes: number): number => {
  const bytesMax = to - at + leftBytes
  if (bytes[at] === partialTag) return bytesMax === 2 ? 2 : odd
  if (bytes[at] !== messagesTag) return odd
  const size = Varint.read(bytes.subarray(0, to), at + 1)
  if (size < 0) return leftBytes > 0 && to - at < headBytesMax ? unknown : odd
  const all = 1 + Varint.sizeOf(size) + size
  return all <= bytesMax ? all : odd
}

/** A class for the memory of an idle flow: see `FrameQueue`. */
export class FrameParser implements Envelope.Body {
  /** What has come out, to be taken from here. */
  readonly frames: Array<Frame.Frame> = []
  /** What has come of an item, or of a frame, that is not whole. */
  private readonly held = Held.make()
  private state: "kind" | "messages" | "odd" | "whole" = "kind"
  private frameBytes = 0
  /** How much of the frame has not come. */
  private leftBytes = 0
  /** How many messages of the frame have come. */
  private messages = 0
  /** Messages that are whole, of which the last may turn out to be partial. */
  private runs: Batch.Runs | undefined
  private isPartial = false
  /** Some of the frame came out. */
  private isOut = false

  /** What is held of what is not whole, in bytes. */
  get heldBytes(): number {
    return this.held.bytes.byteLength + (this.runs?.weight ?? 0)
  }

  begin(bytes: number): void {
    this.state = "kind"
    this.frameBytes = bytes
    this.leftBytes = bytes
    this.messages = 0
    this.isPartial = false
    this.isOut = false
  }

  take(chunk: Uint8Array, from: number, to: number): string | undefined {
    this.leftBytes -= to - from
    let at = from
    if (this.state === "kind") at = this.takeKind(chunk, at, to)
    if (this.state === "messages") at = this.takeMessages(chunk, at, to)
    if (this.messages > frameMessagesMax) return crowded
    if (this.state === "odd" || this.state === "whole")
      Held.add(this.held, chunk, at, to, this.held.count + to - at + this.leftBytes)
    if (this.leftBytes === 0) return this.finish()
    // Behind a message comes another one: it is not the one that goes on in the next frame.
    if (this.state === "messages" && this.held.bytes[0] === messagesTag) this.give()
    return undefined
  }

  /** Takes a frame that has come as a whole. What is wrong with it; undefined when nothing is. */
  takeFrame(bytes: Uint8Array): string | undefined {
    this.begin(bytes.byteLength)
    return this.take(bytes, 0, bytes.byteLength)
  }

  /** Finds out what the frame is; where what is behind that begins. */
  private takeKind(chunk: Uint8Array, from: number, to: number): number {
    const { held } = this
    let start = 0
    let at = from
    if (held.count === 0 && to - from >= Math.min(this.frameBytes, headBytesMax)) {
      start = messagesAt(chunk, from, this.frameBytes)
      at += start
    } else {
      while (start === 0 && at < to && held.count < Math.min(this.frameBytes, headBytesMax)) {
        Held.add(held, chunk, at, at + 1, headBytesMax)
        at += 1
        start = messagesAt(Held.view(held), 0, this.frameBytes)
      }
      if (start > 0) Held.take(held)
      else if (held.count < Math.min(this.frameBytes, headBytesMax)) return at
    }
    this.state = start > 0 ? "messages" : "whole"
    return at
  }

  private add(bytes: Uint8Array, count: number, messageBytes: number, largestBytes: number): void {
    this.messages += count
    if (this.runs === undefined) this.runs = new Batch.Runs(bytes, count, messageBytes, largestBytes)
    else this.runs.add(bytes, count, messageBytes, largestBytes)
  }

  private give(): void {
    if (this.runs === undefined) return
    this.frames.push(new Came(this.runs, this.isPartial))
    this.runs = undefined
    this.isOut = true
  }

  /** Takes the messages that are whole, and what has come of the next one; where something odd begins, or `to`. */
  private takeMessages(chunk: Uint8Array, from: number, to: number): number {
    let at = from
    if (this.held.count > 0) {
      at = this.takeItem(chunk, from, to)
      if (this.held.count > 0) return at
    } else if (chunk[at] === messagesTag && at < to) this.give()
    const start = at
    let count = 0
    let messageBytes = 0
    let largestBytes = 0
    while (at < to && chunk[at] === messagesTag) {
      const size = Varint.read(chunk, at + 1)
      const end = at + 1 + Varint.sizeOf(size) + size
      if (size < 0 || end > to) break
      count += 1
      messageBytes += size
      if (size > largestBytes) largestBytes = size
      at = end
    }
    if (count > 0) this.add(chunk.subarray(start, at), count, messageBytes, largestBytes)
    return at < to ? this.takeItem(chunk, at, to) : at
  }

  /** Takes of an item what has come: the one that is held, or one that begins here and does not end. */
  private takeItem(chunk: Uint8Array, from: number, to: number): number {
    const { held } = this
    let at = from
    while (true) {
      const bytes =
        held.count === 0
          ? itemBytes(chunk, at, to, this.leftBytes)
          : itemBytes(held.bytes, 0, held.count, to - at + this.leftBytes)
      if (bytes === odd) this.state = "odd"
      else if (held.count === bytes) this.takeWhole(bytes)
      else if (at < to) {
        const end = bytes === unknown ? at + 1 : Math.min(to, at + bytes - held.count)
        Held.add(held, chunk, at, end, bytes === unknown ? headBytesMax : bytes)
        at = end
        continue
      }
      return at
    }
  }

  /** Takes the item that is held, which is whole. */
  private takeWhole(bytes: number): void {
    const { held } = this
    if (held.bytes[0] === messagesTag) {
      const size = Varint.read(held.bytes, 1)
      this.add(Held.take(held), 1, size, size)
    } else if (held.bytes[bytes - 1] === 1) {
      this.isPartial = true
      Held.take(held)
    } else this.state = "odd"
  }

  /** The frame has come. What is wrong with it; undefined when nothing is. */
  private finish(): string | undefined {
    if (this.state === "messages") {
      if (this.runs !== undefined) this.give()
      else if (!this.isOut || this.isPartial) this.frames.push({ _tag: "Data", messages: [], partial: this.isPartial })
      return undefined
    }
    this.runs?.keep()
    const bytes = Held.take(this.held)
    const isWhole = this.state === "whole"
    if (Fields.areMore(bytes, fieldsMax - this.messages, isWhole ? dataTag : undefined)) return crowded
    const frame = isWhole ? FrameBytes.decode(bytes) : FrameBytes.decodeData(bytes, this.runs?.all() ?? [])
    this.runs = undefined
    if (Result.isFailure(frame)) return frame.failure.detail
    this.frames.push(tight(frame.success))
    return undefined
  }
}
