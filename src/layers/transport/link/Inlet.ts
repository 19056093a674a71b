/**
 * Inlet: the reading half of a link. Gives received frames to the listener while it goes on, and then the end, once. It
 * is the same for every link; a subclass only gives the next frame.
 */
import type { Cause } from "effect"
import type { Frame } from "../../../protocol/flow/Frame.ts"
import type { FrameListener, Link, LinkBroken } from "../../../services/Transport.ts"

/** Tells how the frames of a link ended, made when asked for. */
export type Ending = () => LinkBroken | Cause.Done

/** A class to extend, so that a link and its reading half are one object: see `FlowEnd`. */
export abstract class Inlet implements Pick<Link, "attach" | "detach" | "goOn"> {
  protected listener: FrameListener | undefined
  /** States as drawn at `Link`; "giving" while the listener takes a frame and has not said if another may come. */
  private hearing: "new" | "flowing" | "giving" | "held" | "over" = "new"
  /** End of the frames, which follows those that wait. */
  protected ended: Ending | undefined

  /** Takes the next received frame; undefined when there is none. */
  protected abstract take(): Frame | undefined

  /** Called when the listener wants a frame and there is none. */
  protected starve(): void {}

  /** Called when the listener has gone on, and has had the waiting frames that it takes. */
  protected resumed(): void {}

  /** Whether the listener takes no more frames for now. */
  protected isHeld(): boolean {
    return this.hearing === "held"
  }

  attach(listener: FrameListener): void {
    this.listener = listener
    this.hearing = "new"
  }

  detach(listener: FrameListener): void {
    if (this.listener === listener) this.listener = undefined
  }

  goOn(): void {
    const { hearing } = this
    if (hearing === "flowing" || hearing === "over") return
    this.hearing = "flowing"
    if (hearing === "giving") return
    this.deliver()
    this.resumed()
  }

  private isFlowing(): boolean {
    return this.hearing === "flowing" || this.hearing === "giving"
  }

  /** Gives the listener the frames that it takes, and the end. */
  protected deliver(): void {
    while (this.listener !== undefined && this.isFlowing()) {
      const frame = this.take()
      if (frame !== undefined) this.give(this.listener, frame)
      else if (this.ended === undefined) return this.starve()
      else {
        this.hearing = "over"
        this.listener.onEnd(this.ended)
      }
    }
  }

  private give(listener: FrameListener, frame: Frame): void {
    this.hearing = "giving"
    const takesMore = listener.onFrame(frame)
    // Unless the listener has gone on from within, or another one is attached by now.
    if (this.hearing === "giving") this.hearing = takesMore ? "flowing" : "held"
  }
}
