/**
 * A link over one HTTP/2 stream that speaks Connect: what both ends of a direct call share.
 *
 * What comes is parsed and handed to the listener, or the waiting reader, in the turn in which it came, so that an
 * answer leaves with the same look at the socket. While nobody reads, the stream is paused, and its window stops the
 * peer; a write waits until the stream has passed it on, and what is sent meanwhile goes out as one frame.
 */
import * as http2 from "node:http2"
import { Cause, Effect } from "effect"
import * as Buffers from "../protocol/flow/Buffers.ts"
import * as Envelope from "../protocol/flow/Envelope.ts"
import type * as Frame from "../protocol/flow/Frame.ts"
import * as FrameBytes from "../protocol/flow/FrameBytes.ts"
import * as Held from "../protocol/flow/Held.ts"
import type * as Progress from "../protocol/flow/Progress.ts"
import { type Attached, type Link, LinkBroken, type Listener } from "../services/Transport.ts"
import * as FlowBuffers from "./FlowBuffers.ts"
import type { Waiter } from "./Http2Room.ts"
import * as Signal from "./Signal.ts"
import type { Hearer, StreamCarrier } from "./StreamCarrier.ts"
import * as StreamFrames from "./StreamFrames.ts"
import * as StreamHold from "./StreamHold.ts"

/** How one side of a transport handles its streams: the same for all of them. */
export interface Options<S> {
  readonly frameWireBytesMax: number
  readonly progress: Progress.Bounds
  /** The caller reads an answer, which says how it ended; the endpoint writes one. */
  readonly role: "caller" | "endpoint"
  /** Runs before the first bytes are written. */
  readonly begin: (stream: S) => void
}

/** A frame this short may have another one behind it. Behind a longer one that would stop whenever the window does. */
const shortBytesMax = 4 * 1024

/** What a link is to its listener. */
class Driven implements Attached {
  private readonly link: Pick<StreamLink, "release" | "finishNow" | "detach">

  constructor(link: Driven["link"]) {
    this.link = link
  }

  goOn(): void {
    this.link.release()
  }

  finish(): void {
    this.link.finishNow()
  }

  detach(): void {
    this.link.detach()
  }
}

/** A class, and its effects made when they are asked for: see `FlowChannel`. */
export class StreamLink<S extends http2.Http2Stream = http2.Http2Stream> implements Link, Hearer, Waiter {
  private readonly stream: S
  private readonly carrier: StreamCarrier
  private readonly options: Options<S>
  private readonly frames: StreamFrames.StreamFrames
  private readonly changed = Signal.make()
  /** Frames and bytes that the stream has not passed on yet. */
  private writes = 0
  private writtenBytes = 0
  /** What follows the frames that wait. */
  private ended: (() => LinkBroken | Cause.Done) | undefined
  private listener: Listener | undefined
  /** The listener has taken all that it may. */
  private isHeld = true
  private isEndHeard = false
  private isBegun = false
  private isFinished = false

  constructor(stream: S, carrier: StreamCarrier, options: Options<S>) {
    this.stream = stream
    this.carrier = carrier
    this.options = options
    this.frames = StreamFrames.make({ bytesMax: options.frameWireBytesMax, hasEnd: options.role === "caller" })
    carrier.hear(this)
  }

  get proven(): Link["proven"] {
    return this.carrier.proven
  }

  doubt(): void {
    this.carrier.doubt()
  }

  /** What comes is no flow, so nobody hears it. */
  refuse(why: LinkBroken): void {
    this.endWith(() => why)
    StreamHold.release(this.stream)
  }

  private endWith(how: () => LinkBroken | Cause.Done): void {
    this.ended ??= how
    this.deliver()
  }

  private hasNews(): boolean {
    return !StreamFrames.isEmpty(this.frames) || this.ended !== undefined
  }

  onData(chunk: Uint8Array): void {
    if (this.ended !== undefined) return StreamHold.readOn(this.stream)
    const detail = StreamFrames.push(this.frames, chunk)
    if (detail !== undefined) this.ended = () => StreamFrames.violation(detail)
    if (this.hasNews()) this.deliver()
    if (StreamFrames.isEmpty(this.frames)) return StreamHold.readOn(this.stream)
    StreamFrames.keep(this.frames)
    StreamHold.hold(this.stream)
  }

  /** Looks whether a frame that has begun goes on coming; one that does not is a violation. */
  look(nowMillis: number): void {
    if (this.ended !== undefined) return
    const now = { isRead: !this.stream.isPaused(), nowMillis }
    const detail = StreamFrames.look(this.frames, this.options.progress, now)
    if (detail !== undefined) this.endWith(() => StreamFrames.violation(detail))
  }

  /** The stream says nothing more. One that was reset, or whose peer died, may end as if in good order. */
  onEnd(): void {
    const how = this.carrier.fate()
    const { envelopes } = this.frames
    const { end } = envelopes
    const lost = (detail: string) => this.endWith(() => new LinkBroken({ how: "lost", detail }))
    if (how !== "open") this.endWith(() => new LinkBroken({ how, detail: "no more frames" }))
    else if (!Envelope.isComplete(envelopes)) lost("it stopped within a frame")
    else if (end !== undefined) this.endWith(() => StreamFrames.endOf(Held.view(end)))
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

  /** The next frame, if one has come. Reads on once everything was handed out: an ended link throws away what still comes. */
  private take(): Frame.Frame | undefined {
    const frame = StreamFrames.take(this.frames)
    const isLast = frame !== undefined && StreamFrames.isEmpty(this.frames)
    if (isLast && this.stream.isPaused()) StreamHold.release(this.stream)
    return frame
  }

  get read(): Effect.Effect<Frame.Frame, LinkBroken | Cause.Done> {
    return Effect.suspend(() => {
      const frame = this.take()
      if (frame !== undefined) return Effect.succeed(frame)
      if (this.ended !== undefined) return Effect.fail(this.ended())
      return Effect.flatMap(
        Signal.until(this.changed, () => this.hasNews()),
        () => this.read
      )
    })
  }

  /** Gives the listener what it may take, or wakes the reader. */
  private deliver(): void {
    if (this.listener === undefined) Signal.notify(this.changed)
    while (this.listener !== undefined && !this.isHeld) {
      const frame = this.take()
      if (frame !== undefined) this.isHeld = !this.listener.onFrame(frame)
      else if (this.ended === undefined || this.isEndHeard) return
      else {
        this.isEndHeard = true
        this.listener.onEnd(this.ended)
      }
    }
  }

  attach(listener: Listener): Attached {
    this.listener = listener
    return new Driven(this)
  }

  release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    this.deliver()
  }

  detach(): void {
    this.listener = undefined
  }

  private begin(): void {
    if (this.isBegun) return
    this.isBegun = true
    this.options.begin(this.stream)
  }

  private isOver(): boolean {
    const { stream } = this
    return this.isFinished || stream.destroyed || stream.closed || stream.writableEnded
  }

  finishNow(): void {
    if (this.isFinished) return
    const wasOver = this.isOver()
    this.isFinished = true
    Signal.notify(this.changed)
    if (wasOver) return
    this.begin()
    if (this.options.role === "caller") this.stream.end()
    else this.stream.end(this.carrier.fate() === "deadline" ? Envelope.lateEnd : Envelope.goodEnd)
  }

  get finish(): Effect.Effect<void> {
    return Effect.sync(() => this.finishNow())
  }

  private overBy(): LinkBroken {
    if (this.isFinished) return new LinkBroken({ how: "finished", detail: "this side has finished" })
    const how = this.carrier.fate()
    return new LinkBroken({ how: how === "open" ? "finished" : how, detail: "the stream takes no more frames" })
  }

  private onRoom(): void {
    Signal.notify(this.changed)
    this.listener?.onRoom()
  }

  private onWritten(frame: Uint8Array, error: Error | null | undefined): void {
    if (!error) Buffers.give(FlowBuffers.shared, frame)
    this.writes -= 1
    this.writtenBytes -= frame.byteLength
    const { room } = this.carrier
    if (room.isFull) room.look()
    if (this.hasRoom()) this.onRoom()
  }

  /** The session has room again. */
  onTurn(): void {
    this.onRoom()
  }

  private put(frame: Frame.Frame): void {
    this.begin()
    const bytes = FrameBytes.encode(frame)
    this.writes += 1
    this.writtenBytes += bytes.byteLength
    this.carrier.room.take(bytes.byteLength)
    this.stream.write(bytes, (error) => this.onWritten(bytes, error))
  }

  isIdle(): boolean {
    return this.writes === 0 && this.carrier.room.isOpen()
  }

  /** Whether the stream takes another frame. One that waits for its session alone is asked again in its turn. */
  private hasRoom(): boolean {
    if (this.writes > 1 || (this.writes === 1 && this.writtenBytes > shortBytesMax)) return false
    const { room } = this.carrier
    if (room.isOpen()) return true
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

  /** Waits until there is room, or never will be. */
  private get room(): Effect.Effect<void, LinkBroken> {
    const hasRoom = Signal.until(this.changed, () => this.hasRoom() || this.isOver())
    return Effect.flatMap(hasRoom, () => (this.isOver() ? Effect.fail(this.overBy()) : Effect.void))
  }

  write(frame: Frame.Frame): Effect.Effect<void, LinkBroken> {
    return Effect.flatMap(this.room, () => {
      this.put(frame)
      return this.room
    })
  }

  cancel(last: Frame.Fail): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.isOver()) return
      if (!this.hasRoom()) {
        this.isFinished = true
        this.stream.close(http2.constants.NGHTTP2_CANCEL)
        return
      }
      this.begin()
      this.stream.write(FrameBytes.encode(last))
      // Whoever opened the stream lets it flush before it closes it.
      this.finishNow()
    })
  }

  get broken(): Effect.Effect<never, LinkBroken> {
    return this.carrier.broken
  }

  get stopped(): Effect.Effect<never, LinkBroken | Cause.Done> | undefined {
    return this.options.role === "endpoint" ? this.carrier.stopped : undefined
  }
}
