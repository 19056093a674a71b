/**
 * Tells of streams that have ended or closed, a few in each turn of the event loop: whoever hears of one ends its flow and its
 * handler. A connection that breaks closes ten thousand streams at once, and all that is served would wait for the last of them.
 */
import { PerTurn } from "../../core/PerTurn.ts"

/** Ends that are told in one turn. */
export const endsPerTurn = 48

interface Ended {
  readonly onEnd: () => void
  readonly onClose: () => void
}

const ends = new PerTurn<typeof closed>(endsPerTurn)

/** Tells that a stream has closed, now or later. */
export const closed = (stream: Ended): void => {
  if (ends.take()) stream.onClose()
  else ends.later(closed, () => stream.onClose())
}

/** Tells that a stream says nothing more, now or later. */
export const ended = (stream: Ended): void => {
  if (ends.take()) stream.onEnd()
  else ends.later(closed, () => stream.onEnd())
}
