/** A link over one stream of a session of a memory network: as `http2/DirectLink`, without its bytes. */
import { Cause, Effect } from "effect"
import type { Fail, Frame } from "../../../protocol/flow/Frame.ts"
import * as FrameBytes from "../../../protocol/flow/FrameBytes.ts"
import * as Proof from "../../../protocol/Proof.ts"
import { type Link, LinkBroken } from "../../../services/Transport.ts"
import * as Signal from "../../core/Signal.ts"
import { Inlet } from "../link/Inlet.ts"
import * as Session from "./Session.ts"

/** A frame this short may have another one behind it in the same turn. */
const shortBytesMax = 4 * 1024
/** How soon after the end of its stream the reset of a caller comes that gives up. */
const resetTimeout = "100 millis"

const sizeOf = (frame: Frame): number =>
  frame._tag === "Data" && frame.wire !== undefined ? frame.wire.byteLength : FrameBytes.encode(frame).byteLength

const details = {
  lost: "the connection is gone",
  reset: "the stream was reset",
  refused: "it was not looked at"
} as const

/** The end of a session under a link. */
export interface Carrier {
  readonly session: Session.Session
  /** The name of the host at the other side. */
  readonly name: string
  readonly perform: (outputs: Session.Outputs) => void
  readonly mayWrite: (stream: Session.Stream) => boolean
  /** Asks the link of this stream again once there is room. */
  readonly wait: (stream: Session.Stream) => void
  /** Tells a link when this turn is over. */
  readonly later: (link: MemoryLink) => void
  readonly doubt: () => void
}

export class MemoryLink extends Inlet implements Link {
  private readonly peer: Carrier
  private readonly stream: Session.Stream
  private readonly frames: Array<{ readonly frame: Frame; readonly bytes: number }> = []
  private readonly settled = Signal.make()
  private isFinished = false
  /** Frames and bytes of this turn. */
  private writes = 0
  private writtenBytes = 0
  private hasBegun = false
  readonly proven: Link["proven"]

  constructor(peer: Carrier, stream: Session.Stream) {
    super()
    this.peer = peer
    this.stream = stream
    this.proven = Proof.byPlace(peer.name)
  }

  private get isCaller(): boolean {
    return this.peer.session.role === "client"
  }

  private how(): LinkBroken {
    const how = this.stream.broken ?? "lost"
    return new LinkBroken({ how, detail: details[how] })
  }

  come(frame: Frame, bytes: number): void {
    this.frames.push({ frame, bytes })
    this.deliver()
  }

  onEnd(): void {
    this.ended ??= () => Cause.Done()
    this.deliver()
    Signal.notify(this.settled)
  }

  onBroke(): void {
    const how = () => this.how()
    this.ended ??= how
    Signal.notify(this.settled)
    this.deliver()
    this.listener?.onBroken(how)
    this.onRoom()
  }

  onRoom(): void {
    this.listener?.onRoom()
  }

  /** Frames of this turn have left. */
  onTurn(): void {
    this.writes = 0
    this.writtenBytes = 0
    if (this.hasRoom()) this.onRoom()
  }

  protected take(): Frame | undefined {
    const next = this.frames.shift()
    if (next !== undefined) this.peer.perform(Session.read(this.stream, next.bytes))
    return next?.frame
  }

  isBroken(): boolean {
    return this.stream.broken !== undefined
  }

  isIdle(): boolean {
    return this.writes === 0 && this.peer.mayWrite(this.stream)
  }

  private isOver(): boolean {
    return this.isFinished || this.stream.isFinished || this.stream.broken !== undefined
  }

  private hasTurn(): boolean {
    return this.writes === 0 || (this.writes === 1 && this.writtenBytes <= shortBytesMax)
  }

  /** The first frame need not wait for its session. */
  private hasRoom(): boolean {
    if (!this.hasTurn()) return false
    if (!this.hasBegun || this.isOver() || this.peer.mayWrite(this.stream)) return true
    this.peer.wait(this.stream)
    return false
  }

  private put(frame: Frame): void {
    const bytes = sizeOf(frame)
    this.hasBegun = true
    this.writes += 1
    this.writtenBytes += bytes
    this.peer.later(this)
    this.peer.perform(Session.write(this.peer.session, this.stream, frame, bytes))
  }

  fill(next: () => Frame | undefined): void {
    while (this.hasRoom() && !this.isOver()) {
      const frame = next()
      if (frame === undefined) return
      this.put(frame)
    }
    if (this.isOver() && next() !== undefined) this.listener?.onBroken(() => this.overBy())
  }

  private overBy(): LinkBroken {
    if (this.stream.broken !== undefined) return this.how()
    const how = this.isFinished || this.isCaller ? "finished" : "reset"
    return new LinkBroken({ how, detail: "the stream takes no more frames" })
  }

  finish(): void {
    this.isFinished = true
    this.peer.perform(Session.finish(this.peer.session, this.stream))
  }

  cancel(last: Fail): void {
    if (this.isOver() && !(this.isFinished && this.isCaller)) return
    if (!this.isFinished && this.hasTurn()) {
      this.put(last)
      this.finish()
    } else this.reset()
  }

  /** Gives the stream up, unless both sides have finished. */
  reset(): void {
    this.isFinished = true
    this.peer.perform(Session.reset(this.peer.session, this.stream))
  }

  doubt(): void {
    this.peer.doubt()
  }

  private isClosed(): boolean {
    const { broken, isEnded, isFinished } = this.stream
    return broken !== undefined || (isEnded && isFinished)
  }

  /** For an endpoint that has said all: waits for the caller, and for no longer than it may. */
  close(timeout: "1 second"): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.finish()
      return Effect.timeoutOption(
        Signal.until(this.settled, () => this.isClosed()),
        timeout
      )
    }).pipe(Effect.andThen(Effect.sync(() => this.peer.perform(Session.stop(this.peer.session, this.stream)))))
  }

  get stopped(): Effect.Effect<never, LinkBroken | Cause.Done> | undefined {
    if (this.isCaller) return undefined
    const broken = Effect.flatMap(
      Signal.until(this.settled, () => this.isBroken()),
      () => Effect.fail(this.how())
    )
    return Effect.raceFirst(broken, Effect.delay(Cause.done(), resetTimeout))
  }
}
