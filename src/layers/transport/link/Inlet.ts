/**
 * The reading half of a link: what has come is given to the listener while it goes on, and then the end, once. It is the
 * same for every link; each says only which frame is next.
 */
import type { Cause } from "effect"
import type { Frame } from "../../../protocol/flow/Frame.ts"
import type { Link, LinkBroken, Listener } from "../../../services/Transport.ts"

/** How the frames of a link ended, made when asked for. */
export type Ending = () => LinkBroken | Cause.Done

/** A class to extend, so that a link and its reading half are one object: see `FlowEnd`. */
export abstract class Inlet implements Pick<Link, "attach" | "detach" | "goOn"> {
  protected listener: Listener | undefined
  /** As drawn at `Link`; "giving" while the listener takes a frame, and has not said yet whether another may come. */
  private hearing: "new" | "flowing" | "giving" | "held" | "over" = "new"
  /** What follows the frames that wait. */
  protected ended: Ending | undefined

  /** The next frame, if one has come. */
  protected abstract take(): Frame | undefined

  /** The listener wants a frame, and none has come. */
  protected starve(): void {}

  /** The listener has gone on, and has had what it may take of what waited. */
  protected resumed(): void {}

  /** The listener has taken all that it may. */
  protected isHeld(): boolean {
    return this.hearing === "held"
  }

  attach(listener: Listener): void {
    this.listener = listener
    this.hearing = "new"
  }

  detach(listener: Listener): void {
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

  /** Gives the listener what it may take. */
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

  private give(listener: Listener, frame: Frame): void {
    this.hearing = "giving"
    const takesMore = listener.onFrame(frame)
    // Unless it has gone on from within, or another listens by now.
    if (this.hearing === "giving") this.hearing = takesMore ? "flowing" : "held"
  }
}
