/**
 * Incremental frame parser: passes on each message of a Data frame as soon as it is whole, as a view of its chunk, or
 * of memory of its own if it came in several chunks.
 *
 * Shape: a long Data frame comes out as several, of which only the last may be partial.
 * States of a frame: kind (nothing known yet) -> messages (Data as `FrameBytes` writes it, so far) -> odd (Data in
 * another encoding: the rest is assembled and decoded by the generated code) | whole (assembled and decoded by it).
 * Bounds: at most `Limits.frameMessagesMax` messages, or other fields, in a frame, counted before anything is decoded.
 * Errors: bytes that are no frame, and a frame with more messages, are violations; push nothing after one.
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

/** Size of a tag and a length of 28 bits. */
const headBytesMax = 5

/** Data frame received from a stream. */
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

/** Packs Data of another encoding, which may hold a view per two bytes, or keep a frame alive for one byte. */
const tight = (frame: Frame.Frame): Frame.Frame =>
  frame._tag === "Data" && frame.messages.length > 0
    ? new Came(Batch.packed(frame.messages), frame.partial, frame.draining)
    : frame

/** Fields in a frame of another encoding: its messages, and a few more. */
const fieldsMax = frameMessagesMax + 64

const crowded = `a frame of more than ${frameMessagesMax} messages`

/** Returns the offset of the messages in a Data frame of this length; 0 for other frames, or with fields after Data. */
const messagesAt = (bytes: Uint8Array, at: number, frameBytes: number): number => {
  const dataBytes = frameBytes > 0 && bytes[at] === dataTag ? Varint.read(bytes, at + 1) : -1
  const start = 1 + Varint.sizeOf(dataBytes)
  return dataBytes >= 0 && dataBytes === frameBytes - start ? start : 0
}

/** Item lengths: not known before more bytes come, and an item in another encoding than that of `FrameBytes`. */
const unknown = -2
const odd = -1

/** Returns the length of the item at `at`, received up to `to`, with `leftBytes` to come in the frame. */
const itemBytes = (bytes: Uint8Array, at: number, to: number, leftBytes: number): number => {
  const bytesMax = to - at + leftBytes
  if (bytes[at] === partialTag) return bytesMax === 2 ? 2 : odd
  if (bytes[at] !== messagesTag) return odd
  const size = Varint.read(bytes.subarray(0, to), at + 1)
  if (size < 0) return leftBytes > 0 && to - at < headBytesMax ? unknown : odd
  const all = 1 + Varint.sizeOf(size) + size
  return all <= bytesMax ? all : odd
}

/** A class, for the memory of an idle flow: see `FrameQueue`. */
export class FrameParser implements Envelope.Body {
  /** Parsed frames, for the owner to take. */
  readonly frames: Array<Frame.Frame> = []
  /** Bytes of an incomplete item or frame. */
  private readonly held = Held.make()
  private state: "kind" | "messages" | "odd" | "whole" = "kind"
  private frameBytes = 0
  /** Bytes of the frame still to come. */
  private leftBytes = 0
  /** Messages of the frame so far. */
  private messages = 0
  /** Whole messages, of which the last may turn out to be partial. */
  private runs: Batch.Runs | undefined
  private isPartial = false
  /** True once a part of the frame was put out. */
  private isOut = false

  /** Bytes held of incomplete frames. */
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
    // Another message follows, so the last one is not partial.
    if (this.state === "messages" && this.held.bytes[0] === messagesTag) this.give()
    return undefined
  }

  /** Takes a whole frame. Returns what is wrong with it; undefined when nothing is. */
  takeFrame(bytes: Uint8Array): string | undefined {
    this.begin(bytes.byteLength)
    return this.take(bytes, 0, bytes.byteLength)
  }

  /** Determines the kind of the frame. Returns the index after its header. */
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

  /** Takes whole messages, and the start of the next one. Returns the index of the first odd item, or `to`. */
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

  /** Takes the bytes of one item: the one held, or an incomplete one at `from`. Returns the index after them. */
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

  /** Takes the held item once it is whole. */
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

  /** Ends the frame. Returns what is wrong with it; undefined when nothing is. */
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
