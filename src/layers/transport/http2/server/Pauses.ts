/**
 * Streams that come in one turn of the event loop: those that wait in the sockets of a peer, each of which may be read in one turn,
 * are too many for it.
 *
 * Several callers may be counted as one peer, and one of them may open nearly all that comes of it. Were it read whenever the
 * others are, they would hardly be read at all: the first of its connections that is read ends the turn for all. So those that opened
 * more than their part stay away until each connection of the peer may have had a turn.
 */

/** Whenever so many streams have come, the connections of whose the last one is are read no further in the same turn. */
export const streamsPerTurn = 128

/** Turns that a connection stays away at most. */
const turnsMax = 16

/** What is known of a session here. */
interface Reads {
  readonly countedAs: string | undefined
  readonly socket: { readonly pause: (turns?: number) => void }
}

export class Pauses<Session extends Reads> {
  /** The streams that have come since the last pause. */
  private readonly opened = new Map<Session, number>()
  private total = 0

  /** A stream has come. */
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
