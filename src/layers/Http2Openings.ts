/**
 * Serves the streams that begin, a few in each turn of the event loop: one packet of a few kilobytes may open two hundred, and all that
 * is served would wait for the last of them. Those of one session follow each other, and sessions take turns, so that a
 * session with many holds up no other.
 *
 * Invariants: each is served once, those of a session in order; while there are few, at once. Whatever becomes of a stream
 * meanwhile, it is offered.
 */

/** What is served in one turn: a flow is one of them, and a call that connect-node serves as many as it costs. */
export const openingsPerTurn = 48
export const foreignCost = 3

interface Opening {
  readonly cost: number
  readonly serve: () => void
}

export class Http2Openings<Session> {
  private readonly waiting = new Map<Session, Array<Opening>>()
  private served = 0
  private isArmed = false

  /** Whether one of this cost is served now: there is room in this turn, and nobody waits. */
  take(cost: number): boolean {
    if (this.waiting.size > 0 || this.served >= openingsPerTurn) return false
    this.served += cost
    // No wake-up for each: those before it may be of turns long ago.
    if (2 * this.served > openingsPerTurn) this.arm()
    return true
  }

  /** Has one wait that was not. */
  later(session: Session, cost: number, serve: () => void): void {
    const queue = this.waiting.get(session)
    if (queue === undefined) this.waiting.set(session, [{ cost, serve }])
    else queue.push({ cost, serve })
    this.arm()
  }

  private arm(): void {
    if (this.isArmed) return
    this.isArmed = true
    setImmediate(this.turn)
  }

  /** The first of the session that has waited longest, which then is the last. */
  private next(): Opening | undefined {
    for (const [session, queue] of this.waiting) {
      const first = queue.shift()
      this.waiting.delete(session)
      if (queue.length > 0) this.waiting.set(session, queue)
      return first
    }
    return undefined
  }

  private readonly turn = (): void => {
    this.isArmed = false
    this.served = 0
    while (this.served < openingsPerTurn) {
      const opening = this.next()
      if (opening === undefined) break
      this.served += opening.cost
      opening.serve()
    }
    if (this.served > 0) this.arm()
  }
}
