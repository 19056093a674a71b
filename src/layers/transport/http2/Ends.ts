/**
 * Ends: calls back for streams that have ended or closed, a few in each turn of the event loop, since each ends a flow and
 * its handler. A connection that breaks closes ten thousand streams at once, which would hold up all other flows.
 */
import { PerTurn } from "../../core/PerTurn.ts"

/** Bounds the ends that are told in one turn. */
export const endsPerTurn = 48

interface Ended {
  readonly onEnd: () => void
  readonly onClose: () => void
}

const ends = new PerTurn<typeof closed>(endsPerTurn)

/** Calls `onClose` of a stream, now or later. */
export const closed = (stream: Ended): void => {
  if (ends.take()) stream.onClose()
  else ends.later(closed, () => stream.onClose())
}

/** Calls `onEnd` of a stream, now or later; in the queue of `onClose`, so that an end comes before its close. */
export const ended = (stream: Ended): void => {
  if (ends.take()) stream.onEnd()
  else ends.later(closed, () => stream.onEnd())
}
