/**
 * Messages that have come and wait for their reader, in order, in the batches in which they came: who takes all of them
 * gets a batch that waits alone as it is. The reader of the carrier stops while the inbox is full.
 */
import { type Limits, weight } from "./Limits.ts"
import type { Message } from "./Message.ts"

export interface Inbox {
  readonly bytesMax: number
  /** None of them is empty. */
  batches: Array<ReadonlyArray<Message>>
  /** Index in the first batch of the next message to hand out. */
  head: number
  /** Weight of everything that waits. */
  bytes: number
}

export const make = (limits: Limits): Inbox => ({ bytesMax: limits.inboxBytesMax, batches: [], head: 0, bytes: 0 })

export const isFull = (inbox: Inbox): boolean => inbox.bytes >= inbox.bytesMax

/** Takes a batch of this weight, which nobody may change any more. */
export const push = (inbox: Inbox, messages: ReadonlyArray<Message>, bytes: number): void => {
  if (messages.length === 0) return
  inbox.batches.push(messages)
  inbox.bytes += bytes
}

/** The next message; undefined when none waits. */
export const take = (inbox: Inbox): Message | undefined => {
  const batch = inbox.batches[0]
  const message = batch?.[inbox.head]
  if (batch === undefined || message === undefined) return undefined
  inbox.head += 1
  inbox.bytes -= weight(message)
  if (inbox.head === batch.length) {
    inbox.batches.shift()
    inbox.head = 0
  }
  return message
}

const join = ({ batches, head }: Inbox): ReadonlyArray<Message> => {
  const all: Array<Message> = []
  for (const batch of batches) for (const message of batch) all.push(message)
  return head === 0 ? all : all.slice(head)
}

/** All that waits, perhaps nothing. */
export const takeAll = (inbox: Inbox): ReadonlyArray<Message> => {
  const [only] = inbox.batches
  const messages = only !== undefined && inbox.batches.length === 1 && inbox.head === 0 ? only : join(inbox)
  inbox.batches = []
  inbox.head = 0
  inbox.bytes = 0
  return messages
}
