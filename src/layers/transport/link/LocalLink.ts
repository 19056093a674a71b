/**
 * LocalLink: a link inside one process, of two ends, each writing frames that the other reads. Frames are passed, not
 * copied: a flow puts only its own bytes and values into them.
 *
 * A listener takes each frame in the turn in which it is written. Until it first goes on one frame waits for it; while
 * it takes no more, none is written.
 */
import { Cause } from "effect"
import type { Fail, Frame } from "../../../protocol/flow/Frame.ts"
import { type Link, LinkBroken } from "../../../services/Transport.ts"
import { type Ending, Inlet } from "./Inlet.ts"

export interface LinkEnd extends Link {
  /**
   * Breaks the whole link, for both ends. Unread frames are lost, except those of a side that has finished. No effect
   * once both have.
   */
  readonly breakWith: (broken: LinkBroken) => void
  /** Whether the other end takes a frame right now. */
  readonly hasRoom: () => boolean
}

const inGoodOrder: Ending = () => Cause.Done()

/**
 * States of the frames that an end writes: open -> finished, by itself | broken, with the other end. Input of the other
 * end ends with that.
 */
class End extends Inlet implements LinkEnd {
  private readonly peer: End
  /** Frame of the peer that the listener has not taken yet. */
  private frame: Frame | undefined
  private isFinished = false
  private broken: LinkBroken | undefined
  readonly proven: Link["proven"]

  constructor(proven: Link["proven"], peer?: End) {
    super()
    this.proven = proven
    this.peer = peer ?? new End(proven, this)
  }

  /** Returns both ends, this one first. */
  both(): readonly [End, End] {
    return [this, this.peer]
  }

  get isWithin(): true {
    return true
  }

  protected take(): Frame | undefined {
    const { frame } = this
    this.frame = undefined
    return frame
  }

  protected override resumed(): void {
    if (!this.isHeld()) this.peer.listener?.onRoom()
  }

  isBroken(): boolean {
    return this.broken !== undefined
  }

  /** Never idle: a frame costs a look at the other end, so frames of one turn go together. */
  isIdle(): boolean {
    return false
  }

  private isOver(): boolean {
    return this.isFinished || this.broken !== undefined
  }

  hasRoom(): boolean {
    return this.peer.frame === undefined && !this.peer.isHeld()
  }

  private put(frame: Frame): void {
    this.peer.frame = frame
    this.peer.deliver()
  }

  fill(next: () => Frame | undefined): void {
    while (!this.isOver() && this.hasRoom()) {
      const frame = next()
      if (frame === undefined) return
      this.put(frame)
    }
    if (this.listener !== undefined && this.isOver() && next() !== undefined)
      this.listener.onBroken(() => this.broken ?? new LinkBroken({ how: "finished", detail: "this side has finished" }))
  }

  finish(): void {
    this.isFinished = true
    this.peer.ended ??= inGoodOrder
    this.peer.deliver()
  }

  cancel(last: Fail): void {
    if (!this.isOver() && this.hasRoom()) {
      this.isFinished = true
      this.peer.ended ??= inGoodOrder
      this.put(last)
    }
    this.breakWith(new LinkBroken({ how: "reset", detail: last.detail }))
  }

  breakWith(cause: LinkBroken): void {
    const { peer } = this
    if (this.broken !== undefined || (this.isFinished && peer.isFinished)) return
    this.broken = cause
    peer.broken = cause
    peer.hearBroken(cause)
    this.hearBroken(cause)
  }

  private hearBroken(cause: LinkBroken): void {
    if (this.ended === undefined) {
      this.frame = undefined
      this.ended = () => cause
    }
    this.listener?.onBroken(() => cause)
    this.deliver()
  }
}

/** Makes two connected ends. Both hold `proven`, if given. */
export const make = (proven?: Link["proven"]): readonly [LinkEnd, LinkEnd] => new End(proven).both()
