/**
 * What happens often, a few times in each turn of the event loop, so that whoever has much of it leaves the rest of a turn to
 * others. What waits of one key follows each other, and keys take turns, so that one with much holds up no other.
 *
 * Invariants: each happens once, those of a key in order; while there are few, at once.
 */
interface Waiting {
  readonly cost: number
  readonly happen: () => void
}

export class PerTurn<Key> {
  private readonly most: number
  private readonly waiting = new Map<Key, Array<Waiting>>()
  private spent = 0
  private isArmed = false

  constructor(most: number) {
    this.most = most
  }

  /** Whether there is room in this turn, and nobody waits. */
  take(cost = 1): boolean {
    if (this.spent >= this.most || this.waiting.size > 0) return false
    this.spent += cost
    // A wake-up for each would cost what opens next to it some percent: those before it may be of turns long ago.
    if (2 * this.spent > this.most) this.arm()
    return true
  }

  /** Has it happen in its turn, when there was no room. */
  later(key: Key, happen: () => void, cost = 1): void {
    const queue = this.waiting.get(key)
    if (queue === undefined) this.waiting.set(key, [{ cost, happen }])
    else queue.push({ cost, happen })
    this.arm()
  }

  private arm(): void {
    if (this.isArmed) return
    this.isArmed = true
    setImmediate(this.turn)
  }

  /** The first of the key that has waited longest, which then is the last. */
  private next(): Waiting | undefined {
    for (const [key, queue] of this.waiting) {
      const first = queue.shift()
      this.waiting.delete(key)
      if (queue.length > 0) this.waiting.set(key, queue)
      return first
    }
    return undefined
  }

  private readonly turn = (): void => {
    this.isArmed = false
    this.spent = 0
    if (this.waiting.size === 0) return
    this.arm()
    while (this.spent < this.most) {
      const one = this.next()
      if (one === undefined) return
      this.spent += one.cost
      one.happen()
    }
  }
}
