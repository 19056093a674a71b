/**
 * DirectLink: a link over one HTTP/2 stream that speaks Connect, for both ends of a direct call.
 *
 * Frames are parsed and handed to the listener in the turn in which they came, so that an answer leaves with the same
 * look at the socket. While the listener takes no more, the stream is paused, and its window stops the peer. There is
 * room for a frame once the stream has passed the last one on; messages sent meanwhile go out as one frame.
 */
import * as http2 from "node:http2"
import { Cause, type Effect } from "effect"
import * as Buffers from "../../../protocol/flow/Buffers.ts"
import * as Envelope from "../../../protocol/flow/Envelope.ts"
import type * as Frame from "../../../protocol/flow/Frame.ts"
import * as FrameBytes from "../../../protocol/flow/FrameBytes.ts"
import * as Held from "../../../protocol/flow/Held.ts"
import type * as Progress from "../../../protocol/flow/Progress.ts"
import * as Waste from "../../../protocol/flow/Waste.ts"
import { type Link, LinkBroken } from "../../../services/Transport.ts"
import * as FrameBuffers from "../../core/FrameBuffers.ts"
import { type Ending, Inlet } from "../link/Inlet.ts"
import * as FrameQueue from "./FrameQueue.ts"
import * as Pausing from "./Pausing.ts"
import type { Waiter } from "./Room.ts"
import type { StreamConsumer, StreamFate } from "./StreamFate.ts"

/** Options for the streams of one side of a transport. */
export interface Options<S> {
  readonly frameWireBytesMax: number
  readonly progress: Progress.Bounds
  /** The caller reads an answer, with an envelope that says how it ended; the endpoint writes one. */
  readonly role: "caller" | "endpoint"
  /** Runs before the first bytes are written. */
  readonly begin: (stream: S) => void
}

/** Largest frame, in bytes, that may have another behind it; behind a longer one it would stop with the window. */
const shortBytesMax = 4 * 1024

/**
 * States of the two halves:
 *
 * ```text
 *   reading   as drawn at `Link`; it ends with the stream, or with a violation, after which nothing is parsed
 *   writing   unbegun ── the first bytes are due ──> begun ── finish, cancel ──> finished
 *                └───────────────── cancel, and there is no room ───────────────────┘
 * ```
 *
 * A class, and its effects made on demand: see `FlowEnd`.
 */
export class DirectLink<S extends http2.Http2Stream = http2.Http2Stream>
  extends Inlet
  implements Link, StreamConsumer, Waiter
{
  private readonly stream: S
  private readonly carrier: StreamFate
  private readonly options: Options<S>
  private readonly frames: FrameQueue.FrameQueue
  private writing: "unbegun" | "begun" | "finished" = "unbegun"
  /** Frames and bytes that the stream has not passed on yet. */
  private writes = 0
  private writtenBytes = 0

  constructor(stream: S, carrier: StreamFate, options: Options<S>) {
    super()
    this.stream = stream
    this.carrier = carrier
    this.options = options
    this.frames = FrameQueue.make({ bytesMax: options.frameWireBytesMax, hasEnd: options.role === "caller" })
    carrier.attach(this)
  }

  get proven(): Link["proven"] {
    return this.carrier.proven
  }

  get grants(): Link["grants"] {
    return this.carrier.grants
  }

  get countedAs(): Link["countedAs"] {
    return this.carrier.countedAs
  }

  get metadata(): Link["metadata"] {
    return this.carrier.metadata
  }

  doubt(): void {
    this.carrier.doubt()
  }

  blame(): void {
    this.carrier.blame()
  }

  /** Ends the link with `why` since the answer is no flow, and discards the rest. */
  refuse(why: LinkBroken): void {
    this.endWith(() => why)
    Pausing.release(this.stream)
  }

  private endWith(how: Ending): void {
    this.ended ??= how
    this.deliver()
  }

  onData(chunk: Uint8Array): void {
    if (this.ended !== undefined) return Pausing.readOn(this.stream)
    const detail = FrameQueue.push(this.frames, chunk)
    if (!FrameQueue.isEmpty(this.frames)) this.carrier.begin()
    else if (chunk.byteLength <= Waste.fragmentBytesMax) this.carrier.fragment()
    if (detail !== undefined) {
      this.ended = () => FrameQueue.violation(detail)
      this.blame()
    }
    // A piece of a frame brings no news.
    if (!FrameQueue.isEmpty(this.frames) || detail !== undefined) this.deliver()
    if (FrameQueue.isEmpty(this.frames)) return Pausing.readOn(this.stream)
    FrameQueue.keep(this.frames)
    Pausing.hold(this.stream)
  }

  heldBytes(): number {
    return FrameQueue.heldBytes(this.frames) + (this.listener?.heldBytes?.() ?? 0)
  }

  unsentBytes(): number {
    return this.listener?.unsentBytes?.() ?? 0
  }

  /** Ends the link with a violation when a frame that has begun stops coming. */
  look(nowMillis: number, isQuiet: boolean): void {
    if (this.ended !== undefined) return
    const now = { isRead: isQuiet && !this.stream.isPaused(), nowMillis }
    const detail = FrameQueue.look(this.frames, this.options.progress, now)
    if (detail !== undefined) this.endWith(() => FrameQueue.violation(detail))
  }

  /** Ends the link as its stream ended. A stream that was reset, or whose peer died, may end as if in good order. */
  onEnd(): void {
    const how = this.carrier.fate()
    const { envelopes } = this.frames
    const { end } = envelopes
    const lost = (detail: string) => this.endWith(() => new LinkBroken({ how: "lost", detail }))
    if (how !== "open") this.endWith(() => new LinkBroken({ how, detail: "no more frames" }))
    else if (!Envelope.isComplete(envelopes)) lost("it stopped within a frame")
    else if (end !== undefined) this.endWith(() => FrameQueue.endOf(Held.view(end)))
    else if (this.options.role === "endpoint") this.endWith(() => Cause.Done())
    else lost("the answer stopped without its end")
  }

  onExpired(): void {
    const broken = this.carrier.cause()
    if (broken !== undefined) this.listener?.onBroken(broken)
  }

  onClose(): void {
    if (this.ended === undefined) this.onEnd()
    this.onExpired()
    this.onRoom()
  }

  /** Takes the next frame. Reads on once the last one was taken: an ended link throws away any further bytes. */
  protected take(): Frame.Frame | undefined {
    const frame = FrameQueue.take(this.frames)
    const isLast = frame !== undefined && FrameQueue.isEmpty(this.frames)
    if (isLast && this.stream.isPaused()) Pausing.release(this.stream)
    return frame
  }

  isBroken(): boolean {
    return this.carrier.cause() !== undefined
  }

  private begin(): void {
    if (this.writing !== "unbegun") return
    this.writing = "begun"
    this.options.begin(this.stream)
  }

  private isOver(): boolean {
    const { stream } = this
    return this.writing === "finished" || stream.destroyed || stream.closed || stream.writableEnded
  }

  finish(): void {
    if (this.isOver()) {
      this.writing = "finished"
      return
    }
    this.begin()
    this.writing = "finished"
    if (this.options.role === "caller") this.stream.end()
    else this.stream.end(this.carrier.fate() === "deadline" ? Envelope.lateEnd : Envelope.goodEnd)
  }

  private overBy(): LinkBroken {
    if (this.writing === "finished") return new LinkBroken({ how: "finished", detail: "this side has finished" })
    const how = this.carrier.fate()
    // A server may refuse the rest of a request, and go on; a client that stops its stream has given it up.
    const otherwise = this.options.role === "caller" ? "finished" : "reset"
    return new LinkBroken({ how: how === "open" ? otherwise : how, detail: "the stream takes no more frames" })
  }

  private onRoom(): void {
    this.listener?.onRoom()
  }

  private onWritten(frame: Uint8Array, error: Error | null | undefined): void {
    if (!error) Buffers.give(FrameBuffers.shared, frame)
    this.writes -= 1
    this.writtenBytes -= frame.byteLength
    const { room } = this.carrier
    if (room.isShut) room.look()
    if (this.hasRoom()) this.onRoom()
  }

  /** Hears that the session has room again. */
  onTurn(): void {
    this.onRoom()
  }

  private put(frame: Frame.Frame): void {
    this.begin()
    const bytes = FrameBytes.encode(frame)
    this.writes += 1
    this.writtenBytes += bytes.byteLength
    this.carrier.said(bytes.byteLength)
    this.carrier.room.take(bytes.byteLength)
    this.stream.write(bytes, (error) => this.onWritten(bytes, error))
  }

  isIdle(): boolean {
    return this.writes === 0 && this.carrier.room.isOpen()
  }

  private hasStreamRoom(): boolean {
    return this.writes === 0 || (this.writes === 1 && this.writtenBytes <= shortBytesMax)
  }

  /** Whether the stream takes a frame. The first need not wait for the session; any other is asked again in turn. */
  private hasRoom(): boolean {
    if (!this.hasStreamRoom()) return false
    const { room } = this.carrier
    if (this.writing === "unbegun" || room.isOpen()) return true
    room.wait(this)
    return false
  }

  fill(next: () => Frame.Frame | undefined): void {
    while (this.hasRoom() && !this.isOver()) {
      const frame = next()
      if (frame === undefined) return
      this.put(frame)
    }
    if (this.isOver() && next() !== undefined) this.listener?.onBroken(() => this.overBy())
  }

  cancel(last: Frame.Fail): void {
    const isFinished = this.writing === "finished" && this.options.role === "caller"
    if (this.isOver() && !isFinished) return
    if (!isFinished && this.hasStreamRoom()) {
      this.begin()
      this.stream.write(FrameBytes.encode(last))
      // The opener of the stream lets it flush before it closes it.
      this.finish()
    } else {
      this.writing = "finished"
      this.stream.close(http2.constants.NGHTTP2_CANCEL)
    }
  }

  get stopped(): Effect.Effect<never, LinkBroken | Cause.Done> | undefined {
    return this.options.role === "endpoint" ? this.carrier.stopped : undefined
  }
}
