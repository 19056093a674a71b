/**
 * Messages that have come and wait for their reader, in order, in the batches in which they came: who takes all of them
 * gets a batch that waits alone as it is. The reader of the carrier stops while the inbox is full.
 */
import { type Batch, Runs } from "./Batch.ts"
import { type Limits, weight } from "./Limits.ts"
import type { Message } from "./Message.ts"

export interface Inbox {
  readonly bytesMax: number
  /** None of them is empty. */
  readonly batches: Array<Batch>
  /** Weight of everything that waits. */
  bytes: number
}

export const make = (limits: Limits): Inbox => ({ bytesMax: limits.inboxBytesMax, batches: [], bytes: 0 })

export const isFull = (inbox: Inbox): boolean => inbox.bytes >= inbox.bytesMax

export const push = (inbox: Inbox, batch: Batch): void => {
  if (batch.count === 0) return
  inbox.batches.push(batch)
  inbox.bytes += batch.weight
}

/** The next message; undefined when none waits. */
export const take = (inbox: Inbox): Message | undefined => {
  const [batch] = inbox.batches
  const message = batch?.next()
  if (message === undefined) return undefined
  inbox.bytes -= weight(message)
  if (batch?.count === 0) inbox.batches.shift()
  return message
}

/**
 * How many messages that came as bytes are taken at once: each becomes an object that is fifty times as large as an empty message
 * is on the wire. More than wait of a sender with default limits.
 */
export const takenMax = 2048

const isMuch = ({ batches }: Inbox): boolean => {
  let count = 0
  for (const batch of batches) if (batch instanceof Runs) count += batch.count
  return count > takenMax
}

/** The first that wait. */
const takeSome = (inbox: Inbox): ReadonlyArray<Message> => {
  const some: Array<Message> = []
  while (some.length < takenMax) {
    const message = take(inbox)
    if (message === undefined) break
    some.push(message)
  }
  return some
}

/** All that waits, perhaps nothing; only some where it is much. */
export const takeAll = (inbox: Inbox): ReadonlyArray<Message> => {
  if (isMuch(inbox)) return takeSome(inbox)
  const last = inbox.batches.pop()
  if (last === undefined) return []
  inbox.bytes = 0
  if (inbox.batches.length === 0) return last.all()
  const all = [...inbox.batches.splice(0), last]
  return all.flatMap((batch) => batch.all())
}

/** What came last will wait, if it does. */
export const keep = ({ batches }: Inbox): void => {
  let last = batches.at(-1)
  for (let before = batches.at(-2); last !== undefined && before?.join(last) === true; before = batches.at(-2)) {
    batches.pop()
    last = before
  }
  last?.keep()
}
