/**
 * What happens often, a few times in each turn of the event loop, so that whoever has much of it leaves the rest of a turn to
 * others.
 *
 * Invariants: each happens once, in order; while there are few, at once.
 */
export class PerTurn {
  private readonly most: number
  private waiting: Array<() => void> = []
  private count = 0
  private isArmed = false

  constructor(most: number) {
    this.most = most
  }

  /** Whether there is room in this turn. */
  take(): boolean {
    if (this.count >= this.most || this.waiting.length > 0) return false
    this.count += 1
    // A wake-up for each would cost what opens next to it some percent: those before it may be of turns long ago.
    if (this.count > this.most / 2) this.arm()
    return true
  }

  /** Has it happen in its turn, when there was no room. */
  later(what: () => void): void {
    this.waiting.push(what)
    this.arm()
  }

  private arm(): void {
    if (this.isArmed) return
    this.isArmed = true
    setImmediate(this.turn)
  }

  private readonly turn = (): void => {
    this.isArmed = false
    const now = this.waiting.splice(0, this.most)
    this.count = now.length
    if (now.length === 0) return
    this.arm()
    for (const happen of now) happen()
  }
}
