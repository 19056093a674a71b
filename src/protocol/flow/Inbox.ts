/**
 * Messages that have come and wait for their reader, in order. The reader of the carrier stops while it is full.
 */
import { type Limits, weight } from "./Limits.ts"
import type { Message } from "./Message.ts"

export interface Inbox {
  readonly bytesMax: number
  messages: Array<Message>
  /** Index in `messages` of the next one to hand out. */
  head: number
  /** Weight of everything that waits. */
  bytes: number
}

export const make = (limits: Limits): Inbox => ({ bytesMax: limits.bufferBytesMax, messages: [], head: 0, bytes: 0 })

export const isFull = (inbox: Inbox): boolean => inbox.bytes >= inbox.bytesMax

export const push = (inbox: Inbox, messages: ReadonlyArray<Message>): void => {
  for (const message of messages) {
    inbox.messages.push(message)
    inbox.bytes += weight(message)
  }
}

/** The next message; undefined when none waits. */
export const take = (inbox: Inbox): Message | undefined => {
  const message = inbox.messages[inbox.head]
  if (message === undefined) return undefined
  inbox.head += 1
  inbox.bytes -= weight(message)
  if (inbox.head === inbox.messages.length) {
    inbox.messages = []
    inbox.head = 0
  }
  return message
}

/** All that waits, perhaps nothing. */
export const takeAll = (inbox: Inbox): ReadonlyArray<Message> => {
  const messages = inbox.head === 0 ? inbox.messages : inbox.messages.slice(inbox.head)
  inbox.messages = []
  inbox.head = 0
  inbox.bytes = 0
  return messages
}
