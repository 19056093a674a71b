/**
 * What leaves a flow: messages are packed as they are sent. The frame goes to the carrier at once if that is idle, at the
 * end of the turn if it is not, or once as much waits as may. While it has no room, it says when it has some again.
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
   * States: resting -> scheduled (what waits leaves at the end of the turn) -> resting | done (the last frame is with the
   * carrier, or never will be) -> resting, when an endpoint has a Fail to say after its End.
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

/** Hands to the carrier now what it has room for. */
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

/** Takes a message if there is room for it. The caller has checked its size, and that the sender is open. */
export const offer = (writer: Outbound, message: Message): boolean => {
  const { sender } = writer
  if (!Sender.hasRoom(sender)) {
    flush(writer)
    if (!Sender.hasRoom(sender)) return false
  }
  return Sender.offer(sender, message)
}

/** What was offered may leave: at once on an idle carrier, otherwise together with what else is sent in this turn. */
export const commit = (writer: Outbound): void => {
  if (writer.link.isIdle()) flush(writer)
  else schedule(writer)
}

/** Has a frame without messages leave, at the end of the turn: a message that is sent in this turn is a word as well. */
export const owe = (writer: Outbound, due: "word" | "draining"): void => {
  if (Sender.owe(writer.sender, due)) schedule(writer)
}

/** There is room, or no message is taken any more. */
export const isAnswering = ({ sender }: Outbound): boolean => Sender.hasRoom(sender) || sender.status !== "open"

/** The sender has its last frame: after an End, too, while the link is not finished. */
const scheduleLast = (writer: Outbound): void => {
  if (isDone(writer) && isSending(writer)) writer.phase = "resting"
  schedule(writer)
}

/** Says that no more messages come; see `Sender.end`. */
export const end = (writer: Outbound, last?: Frame.Fail): void => {
  if (Sender.end(writer.sender, last)) scheduleLast(writer)
}

/** The link has been finished with the last frame. */
export const hasFinished = (writer: Outbound): boolean => isDone(writer) && isFinishing(writer)

/** Drops what waits; see `Sender.abandon`. A link that is finished has no room for a Fail: it is reset. */
export const abandon = (writer: Outbound, last?: Frame.Fail): void => {
  const isFinished = hasFinished(writer)
  Sender.abandon(writer.sender, isFinished ? undefined : last)
  if (isFinished && last !== undefined) writer.link.cancel(last)
  scheduleLast(writer)
  Signal.notify(writer.changed)
}

/** The carrier has room again, or never will have. */
export const onRoom = (writer: Outbound): void => {
  if (writer.phase !== "scheduled") flush(writer)
}

/** Waits until the last frame is with the carrier, or never will be. */
export const flushed = (writer: Outbound): Effect.Effect<void> => Signal.until(writer.changed, () => isDone(writer))
