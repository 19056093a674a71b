/**
 * AskedFrames: the reading half of a link whose source gives frames only when asked, one at a time and later.
 */
import type { Frame } from "../../../protocol/flow/Frame.ts"
import type { LinkBroken } from "../../../services/Transport.ts"
import { type Ending, Inlet } from "./Inlet.ts"

export class AskedFrames extends Inlet {
  private readonly ask: () => void
  private isAsked = false
  private frame: Frame | undefined

  /** `ask` has `come` or `end` called, now or later. It is called again only after `come`. */
  constructor(ask: () => void) {
    super()
    this.ask = ask
  }

  protected take(): Frame | undefined {
    const { frame } = this
    this.frame = undefined
    return frame
  }

  protected override starve(): void {
    if (this.isAsked) return
    this.isAsked = true
    this.ask()
  }

  come(frame: Frame): void {
    this.isAsked = false
    this.frame = frame
    this.deliver()
  }

  end(how: Ending): void {
    this.ended = how
    this.deliver()
  }

  /** Tells the listener that the link broke. */
  onBroken(how: () => LinkBroken): void {
    this.listener?.onBroken(how)
  }

  /** Tells the listener that there is room. */
  onRoom(): void {
    this.listener?.onRoom()
  }
}
