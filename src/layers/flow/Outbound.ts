/**
 * Outbound: the sending half of a flow. Packs messages as they are sent. A frame is handed to the link at once if that
 * is idle; otherwise at the end of the turn, or once as much waits as may. A full link tells when it has room.
 */
import type { Effect } from "effect"
import type * as Frame from "../../protocol/flow/Frame.ts"
import type { Limits } from "../../protocol/flow/Limits.ts"
import type { Message } from "../../protocol/flow/Message.ts"
import * as Sender from "../../protocol/flow/Sender.ts"
import type { Link } from "../../services/Transport.ts"
import * as FrameBuffers from "../core/FrameBuffers.ts"
import * as Signal from "../core/Signal.ts"

/** A record and functions: an idle flow has one, and a closure for each function would be most of its memory. */
export interface Outbound {
  readonly link: Link
  readonly role: "caller" | "endpoint"
  readonly sender: Sender.Sender
  readonly changed: Signal.Signal
  /**
   * States: resting -> scheduled (waiting messages leave at the end of the turn) -> resting | done (the last frame is
   * handed to the link, or never will be) -> resting, when an endpoint has a Fail to send after its End.
   */
  phase: "resting" | "scheduled" | "done"
}

export const make = (options: Pick<Outbound, "link" | "role"> & { readonly limits: Limits }): Outbound => ({
  link: options.link,
  role: options.role,
  sender: Sender.make(options.limits, options.link.isWithin ? undefined : FrameBuffers.shared),
  changed: Signal.make(),
  phase: "resting"
})

const isSending = ({ sender }: Outbound): boolean => sender.status === "open" || sender.status === "ending"

const isFinishing = ({ role, sender }: Outbound): boolean => role === "caller" || sender.fail !== undefined

const isDone = ({ phase }: Outbound): boolean => phase === "done"

/** Hands frames to the link now, as far as it has room. */
export const flush = (writer: Outbound): void => {
  if (isDone(writer)) return
  writer.phase = "resting"
  writer.link.fill(() => Sender.take(writer.sender))
  if (!isDone(writer) && !isSending(writer)) {
    writer.phase = "done"
    if (isFinishing(writer)) writer.link.finish()
  }
  Signal.notify(writer.changed)
}

const schedule = (writer: Outbound): void => {
  if (writer.phase !== "resting") return
  writer.phase = "scheduled"
  queueMicrotask(() => flush(writer))
}

/** Takes a message if there is room; returns whether. The caller has checked its size, and that the sender is open. */
export const offer = (writer: Outbound, message: Message): boolean => {
  const { sender } = writer
  if (!Sender.hasRoom(sender)) {
    flush(writer)
    if (!Sender.hasRoom(sender)) return false
  }
  return Sender.offer(sender, message)
}

/** Sends offered messages: at once on an idle link, otherwise together with all others of this turn. */
export const commit = (writer: Outbound): void => {
  if (writer.link.isIdle()) flush(writer)
  else schedule(writer)
}

/** Sends a frame without messages at the end of the turn: a message sent in this turn serves as a word as well. */
export const owe = (writer: Outbound, due: "word" | "draining"): void => {
  if (Sender.owe(writer.sender, due)) schedule(writer)
}

/** Whether there is room, or no message is taken any more. */
export const isAnswering = ({ sender }: Outbound): boolean => Sender.hasRoom(sender) || sender.status !== "open"

/** Schedules the last frame of the sender: after an End, too, while the link is not finished. */
const scheduleLast = (writer: Outbound): void => {
  if (isDone(writer) && isSending(writer)) writer.phase = "resting"
  schedule(writer)
}

/** Ends the sender; see `Sender.end`. */
export const end = (writer: Outbound, last?: Frame.Fail): void => {
  if (Sender.end(writer.sender, last)) scheduleLast(writer)
}

/** Whether the link has been finished with the last frame. */
export const hasFinished = (writer: Outbound): boolean => isDone(writer) && isFinishing(writer)

/** Drops unsent messages; see `Sender.abandon`. A finished link has no room for a Fail: it is reset. */
export const abandon = (writer: Outbound, last?: Frame.Fail): void => {
  const isFinished = hasFinished(writer)
  Sender.abandon(writer.sender, isFinished ? undefined : last)
  if (isFinished && last !== undefined) writer.link.cancel(last)
  scheduleLast(writer)
  Signal.notify(writer.changed)
}

/** Hears that the link has room again, or never will have. */
export const onRoom = (writer: Outbound): void => {
  if (writer.phase !== "scheduled") flush(writer)
}

/** Waits until the last frame is handed to the link, or never will be. */
export const flushed = (writer: Outbound): Effect.Effect<void> => Signal.until(writer.changed, () => isDone(writer))
