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
  /**
   * ```text
   *             full: the link brings no more for now
   *   keeping <─────────────────────────────────────> held
   *      │          taken from, and the link goes on    │
   *      └──── messages are thrown away ──> discarding <┘
   *
   *   each of them ── no more frames ──> ended
   * ```
   */
  phase: "keeping" | "held" | "discarding" | "ended"
  /** Bytes received since discarding began. */
  unheardBytes: number
}

export const make = (limits: Limits): Inbound => ({
  receiver: Receiver.make(limits),
  inbox: Inbox.make(limits),
  changed: Signal.make(),
  phase: "keeping",
  unheardBytes: 0
})

export const accept = (reader: Inbound, batch: Batch): void => {
  if (reader.phase === "discarding") reader.unheardBytes += batch.weight
  else Inbox.push(reader.inbox, batch)
  Signal.notify(reader.changed)
  // A reader that waited has taken its messages by now.
  Inbox.keep(reader.inbox)
}

/** Holds the link if enough messages wait; returns whether. */
export const hold = (reader: Inbound): boolean => {
  if (reader.phase === "keeping" && Inbox.isFull(reader.inbox)) reader.phase = "held"
  return reader.phase === "held"
}

/** Lets a held link go on if there is room again; returns whether. */
export const release = (reader: Inbound): boolean => {
  if (reader.phase !== "held" || Inbox.isFull(reader.inbox)) return false
  reader.phase = "keeping"
  return true
}

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
  if (reader.phase !== "ended") reader.phase = "discarding"
}

/** Waits until the link has no more frames. */
export const atEnd = (reader: Inbound): Effect.Effect<void> =>
  Signal.until(reader.changed, () => reader.phase === "ended")

/** Waits until more than `unheardBytesMax` was discarded. */
export const overheard = (reader: Inbound): Effect.Effect<void> =>
  Signal.until(reader.changed, () => reader.unheardBytes > unheardBytesMax)
