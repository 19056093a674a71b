/**
 * Inbound: the receiving half of a flow. Messages of checked frames wait until they are received, or are discarded. The
 * link is held while enough of them wait.
 */
import type { Effect } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import type { Batch } from "../../protocol/flow/Batch.ts"
import * as Inbox from "../../protocol/flow/Inbox.ts"
import type { Limits } from "../../protocol/flow/Limits.ts"
import type { Message } from "../../protocol/flow/Message.ts"
import * as Receiver from "../../protocol/flow/Receiver.ts"
import * as Signal from "../core/Signal.ts"

/** Bytes that a peer may still send to a caller that has left, before it is told. */
const unheardBytesMax = 256 * 1024

/** A record and functions, for the reason given at `Outbound`. */
export interface Inbound {
  readonly receiver: Receiver.Receiver
  readonly inbox: Inbox.Inbox
  /** Notified when messages came or never will, and when the flow failed, was closed or is being withdrawn. */
  readonly changed: Signal.Signal
  /** States: keeping (messages wait) -> discarding (they are thrown away) -> ended, from either: no more frames. */
  phase: "keeping" | "discarding" | "ended"
  /** Bytes received since discarding began. */
  unheardBytes: number
  /** Whether the link was told to bring no more for now. */
  isHeld: boolean
}

export const make = (limits: Limits): Inbound => ({
  receiver: Receiver.make(limits),
  inbox: Inbox.make(limits),
  changed: Signal.make(),
  phase: "keeping",
  unheardBytes: 0,
  isHeld: false
})

export const accept = (reader: Inbound, batch: Batch): void => {
  if (reader.phase === "discarding") reader.unheardBytes += batch.weight
  else Inbox.push(reader.inbox, batch)
  Signal.notify(reader.changed)
  // A reader that waited has taken its messages by now.
  Inbox.keep(reader.inbox)
}

export const isFull = ({ inbox, phase }: Inbound): boolean => phase === "keeping" && Inbox.isFull(inbox)

/** Whether no message waits. */
export const isEmpty = ({ inbox }: Inbound): boolean => inbox.bytes === 0

/** Takes the next message; undefined when none waits. */
export const take = ({ inbox }: Inbound): Message | undefined => Inbox.take(inbox)

/** Takes all waiting messages; undefined when there are none. */
export const takeAll = ({ inbox }: Inbound): NonEmptyReadonlyArray<Message> | undefined => {
  const messages = Inbox.takeAll(inbox)
  return isReadonlyArrayNonEmpty(messages) ? messages : undefined
}

/** Discards messages from now on. */
export const discard = (reader: Inbound): void => {
  if (reader.phase === "keeping") reader.phase = "discarding"
}

/** Waits until the link has no more frames. */
export const atEnd = (reader: Inbound): Effect.Effect<void> =>
  Signal.until(reader.changed, () => reader.phase === "ended")

/** Waits until more than `unheardBytesMax` was discarded. */
export const overheard = (reader: Inbound): Effect.Effect<void> =>
  Signal.until(reader.changed, () => reader.unheardBytes > unheardBytesMax)
