/**
 * Inbox: received messages that wait for their reader, in order and in the batches in which they came. Taking all
 * returns a batch that waits alone unchanged. The link is not read while the inbox is full.
 */
import { type Batch, Runs } from "./Batch.ts"
import { type Limits, weight } from "./Limits.ts"
import type { Message } from "./Message.ts"

export interface Inbox {
  readonly bytesMax: number
  /** Batches that wait, none of them empty. */
  readonly batches: Array<Batch>
  /** Weight of all messages that wait. */
  bytes: number
}

export const make = (limits: Limits): Inbox => ({ bytesMax: limits.inboxBytesMax, batches: [], bytes: 0 })

export const isFull = (inbox: Inbox): boolean => inbox.bytes >= inbox.bytesMax

export const push = (inbox: Inbox, batch: Batch): void => {
  if (batch.count === 0) return
  inbox.batches.push(batch)
  inbox.bytes += batch.weight
}

/** Takes the next message; undefined when none waits. */
export const take = (inbox: Inbox): Message | undefined => {
  const [batch] = inbox.batches
  const message = batch?.next()
  if (message === undefined) return undefined
  inbox.bytes -= weight(message)
  if (batch?.count === 0) inbox.batches.shift()
  return message
}

/**
 * Most messages from bytes that are taken at once: each becomes an object fifty times the size of an empty message on
 * the wire. A sender with default limits never has more waiting.
 */
export const takenMax = 2048

const isMuch = ({ batches }: Inbox): boolean => {
  let count = 0
  for (const batch of batches) if (batch instanceof Runs) count += batch.count
  return count > takenMax
}

/** Takes the first `takenMax` messages. */
const takeSome = (inbox: Inbox): ReadonlyArray<Message> => {
  const some: Array<Message> = []
  while (some.length < takenMax) {
    const message = take(inbox)
    if (message === undefined) break
    some.push(message)
  }
  return some
}

/** Takes all messages, perhaps none; only the first `takenMax` when more came as bytes. */
export const takeAll = (inbox: Inbox): ReadonlyArray<Message> => {
  if (isMuch(inbox)) return takeSome(inbox)
  const last = inbox.batches.pop()
  if (last === undefined) return []
  inbox.bytes = 0
  if (inbox.batches.length === 0) return last.all()
  const all = [...inbox.batches.splice(0), last]
  return all.flatMap((batch) => batch.all())
}

/** Compacts the latest batch, which will wait, and joins it with the batches before. */
export const keep = ({ batches }: Inbox): void => {
  let last = batches.at(-1)
  for (let before = batches.at(-2); last !== undefined && before?.join(last) === true; before = batches.at(-2)) {
    batches.pop()
    last = before
  }
  last?.keep()
}
