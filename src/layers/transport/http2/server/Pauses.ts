/**
 * Pauses: bounds the streams that one peer opens per turn of the event loop. Every socket of the peer may be read in
 * the same turn, so a bound per socket would add up.
 *
 * Several callers may count as one peer, and one of them may open nearly all of its streams. Were that one read
 * whenever the others are, they would hardly be read at all: the first connection that is read ends the turn for all.
 * So connections that opened more than their part stay away until each connection of the peer may have had a turn.
 */

/** Streams after which all connections that count as the peer of the last one are read no further in the same turn. */
export const streamsPerTurn = 128

/** Bounds the turns that a connection stays away. */
const turnsMax = 16

/** The peer and the socket of a session. */
interface Reads {
  readonly countedAs: string | undefined
  readonly socket: { readonly pause: (turns?: number) => void }
}

export class Pauses<Session extends Reads> {
  /** Streams that have come since the last pause, by session. */
  private readonly opened = new Map<Session, number>()
  private total = 0

  /** Counts a stream, and pauses the connections of its peer if it is one too many. */
  count(session: Session, all: Iterable<Session>): void {
    this.opened.set(session, (this.opened.get(session) ?? 0) + 1)
    this.total += 1
    if (this.total < streamsPerTurn) return
    const { countedAs } = session
    const same = countedAs === undefined ? [session] : [...all].filter((other) => other.countedAs === countedAs)
    const part = streamsPerTurn / same.length
    const turns = Math.min(turnsMax, same.length)
    for (const other of same) other.socket.pause((this.opened.get(other) ?? 0) > part ? turns : 1)
    this.opened.clear()
    this.total = 0
  }
}
