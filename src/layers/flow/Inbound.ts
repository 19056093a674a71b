/**
 * What comes to a flow: frames are checked and their messages wait for whoever receives them, or are thrown away. The
 * link is held while enough waits.
 */
import type { Effect } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import type { Batch } from "../../protocol/flow/Batch.ts"
import * as Inbox from "../../protocol/flow/Inbox.ts"
import type { Limits } from "../../protocol/flow/Limits.ts"
import type { Message } from "../../protocol/flow/Message.ts"
import * as Receiver from "../../protocol/flow/Receiver.ts"
import * as Signal from "../core/Signal.ts"

/** What a peer may still say to a caller that is gone, before it is told so. */
const unheardBytesMax = 256 * 1024

/** A record and functions, for the reason that `Outbound` is. */
export interface Inbound {
  readonly receiver: Receiver.Receiver
  readonly inbox: Inbox.Inbox
  /** Something has come, was taken, or will not come; the flow has failed. */
  readonly changed: Signal.Signal
  /** States: keeping (what comes waits) -> discarding (it is thrown away) -> ended, from either: the link has no more frames. */
  phase: "keeping" | "discarding" | "ended"
  /** What has come since it is thrown away. */
  unheardBytes: number
  /** The link was told to bring no more for now. */
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
  // A reader that waited has taken it.
  Inbox.keep(reader.inbox)
}

export const isFull = ({ inbox, phase }: Inbound): boolean => phase === "keeping" && Inbox.isFull(inbox)

/** No message waits. */
export const isEmpty = ({ inbox }: Inbound): boolean => inbox.bytes === 0

/** Takes the next message; undefined when none waits. */
export const take = ({ inbox }: Inbound): Message | undefined => Inbox.take(inbox)

/** Takes all that waits; undefined when nothing does. */
export const takeAll = ({ inbox }: Inbound): NonEmptyReadonlyArray<Message> | undefined => {
  const messages = Inbox.takeAll(inbox)
  return isReadonlyArrayNonEmpty(messages) ? messages : undefined
}

/** From now on what comes is thrown away. */
export const discard = (reader: Inbound): void => {
  if (reader.phase === "keeping") reader.phase = "discarding"
}

/** Waits until the link has no more frames. */
export const atEnd = (reader: Inbound): Effect.Effect<void> =>
  Signal.until(reader.changed, () => reader.phase === "ended")

/** Waits until more was thrown away than a caller that is gone bears. */
export const overheard = (reader: Inbound): Effect.Effect<void> =>
  Signal.until(reader.changed, () => reader.unheardBytes > unheardBytesMax)
