/**
 * Tells of streams that have ended or closed, a few in each turn of the event loop: whoever hears of one ends its flow and its
 * handler. A connection that breaks closes ten thousand streams at once, and all that is served would wait for the last of them.
 *
 * Invariants: each is told once, in the order in which it happened; while it happens to few, it is told at once.
 */

/** Ends that are told in one turn. */
export const endsPerTurn = 48

interface Ended {
  readonly onEnd: () => void
  readonly onClose: () => void
}

type Told = () => void

let waiting: Array<Told> = []
let told = 0
let isTurning = false

const turn = (): void => {
  isTurning = false
  told = 0
  if (waiting.length === 0) return
  const now = waiting.slice(0, endsPerTurn)
  waiting = waiting.slice(endsPerTurn)
  told = now.length
  arm()
  for (const tell of now) tell()
}

const arm = (): void => {
  if (isTurning) return
  isTurning = true
  setImmediate(turn)
}

/** Whether there is room in this turn. */
const take = (): boolean => {
  if (told >= endsPerTurn || waiting.length > 0) return false
  told += 1
  // A wake-up for each end would cost a flow that opens next to it some percent: those before it may be of turns long ago.
  if (told > endsPerTurn / 2) arm()
  return true
}

const later = (tell: Told): void => {
  waiting.push(tell)
  arm()
}

/** Tells that a stream has closed, now or later. */
export const closed = (stream: Ended): void => {
  if (take()) stream.onClose()
  else later(() => stream.onClose())
}

/** Tells that a stream says nothing more, now or later. */
export const ended = (stream: Ended): void => {
  if (take()) stream.onEnd()
  else later(() => stream.onEnd())
}
