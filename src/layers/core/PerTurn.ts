/**
 * PerTurn: bounds frequent work per turn of the event loop, so that a key with much work leaves the rest of a turn to
 * others. Waiting work of one key stays in order, and keys take turns, so that a key with much work holds up no other.
 *
 * Invariants: each piece of work runs once, the pieces of a key in order; while there is little, at once.
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

  /** Takes `cost` from this turn. Returns false when the turn is spent, or work waits. */
  take(cost = 1): boolean {
    if (this.spent >= this.most || this.waiting.size > 0) return false
    this.spent += cost
    // No turn is armed below half: a wake-up for each would cost openings some percent, and `spent` may be long past.
    if (2 * this.spent > this.most) this.arm()
    return true
  }

  /** Queues work that found no room, to run in its turn. */
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

  /** Takes the first piece of the key that has waited longest, and moves that key to the end. */
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
