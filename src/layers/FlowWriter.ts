/**
 * What leaves a flow: messages are packed as they are sent. The frame goes to the carrier at once if that is idle, at the
 * end of the turn if it is not, or once as much waits as may. While it has no room, it says when it has some again; of a
 * carrier that does not, a fiber of the flow's scope waits for it.
 */
import { Effect } from "effect"
import type * as Frame from "../protocol/flow/Frame.ts"
import type { Limits } from "../protocol/flow/Limits.ts"
import type { Message } from "../protocol/flow/Message.ts"
import * as Sender from "../protocol/flow/Sender.ts"
import type { Attached, Link, LinkBroken, Listener } from "../services/Transport.ts"
import * as FlowBuffers from "./FlowBuffers.ts"
import * as Signal from "./Signal.ts"

/** A record and functions: an idle flow has one, and a closure for each function would be most of its memory. */
export interface FlowWriter {
  readonly link: Link
  readonly role: "caller" | "endpoint"
  readonly sender: Sender.Sender
  readonly changed: Signal.Signal
  /** Finishes the link; a link without `attach` has `writeAll` run. */
  attached: Attached | undefined
  isScheduled: boolean
  /** The fiber holds a frame, which no other may overtake. */
  isHeld: boolean
  /** The last frame is with the carrier, or never will be. */
  isDone: boolean
}

export const make = (options: Pick<FlowWriter, "link" | "role"> & { readonly limits: Limits }): FlowWriter => ({
  link: options.link,
  role: options.role,
  sender: Sender.make(options.limits, options.link.isWithin ? undefined : FlowBuffers.shared),
  changed: Signal.make(),
  attached: undefined,
  isScheduled: false,
  isHeld: false,
  isDone: false
})

/** Has the link, which can, drive the flow of this writer. */
export const attach = (writer: FlowWriter, listener: Listener): void => {
  writer.attached = writer.link.attach?.(listener)
  writer.attached?.goOn()
}

const isSending = ({ sender }: FlowWriter): boolean => sender.status === "open" || sender.status === "ending"

const isFinishing = ({ role, sender }: FlowWriter): boolean => role === "caller" || sender.fail !== undefined

/** Hands to the carrier now what it has room for. */
export const flush = (writer: FlowWriter): void => {
  writer.isScheduled = false
  if (writer.isHeld) return
  writer.link.fill(() => Sender.take(writer.sender))
  if (writer.link.attach !== undefined && !writer.isDone && !isSending(writer)) {
    writer.isDone = true
    if (isFinishing(writer)) writer.attached?.finish()
  }
  Signal.notify(writer.changed)
}

const schedule = (writer: FlowWriter): void => {
  if (writer.isScheduled || writer.isHeld) return
  writer.isScheduled = true
  queueMicrotask(() => flush(writer))
}

/** Takes a message if there is room for it. The caller has checked its size, and that the sender is open. */
export const offer = (writer: FlowWriter, message: Message): boolean => {
  const { sender } = writer
  if (!Sender.hasRoom(sender)) {
    flush(writer)
    if (!Sender.hasRoom(sender)) return false
  }
  return Sender.offer(sender, message)
}

/** What was offered may leave: at once on an idle carrier, otherwise together with what else is sent in this turn. */
export const commit = (writer: FlowWriter): void => {
  if (writer.link.isIdle()) flush(writer)
  else schedule(writer)
}

/** Waits until there is room, or no message is taken any more. */
export const room = ({ changed, sender }: FlowWriter): Effect.Effect<void> =>
  Signal.until(changed, () => Sender.hasRoom(sender) || sender.status !== "open")

/** Says that no more messages come; see `Sender.end`. */
export const end = (writer: FlowWriter, last?: Frame.Fail): void => {
  if (Sender.end(writer.sender, last)) schedule(writer)
}

/** Drops what waits; see `Sender.abandon`. */
export const abandon = (writer: FlowWriter, last?: Frame.Fail): void => {
  Sender.abandon(writer.sender, last)
  schedule(writer)
  Signal.notify(writer.changed)
}

/** The carrier has room again, or never will have. */
export const onRoom = (writer: FlowWriter): void => {
  if (!writer.isScheduled) flush(writer)
}

/** Waits until the last frame is with the carrier, or never will be. */
export const flushed = (writer: FlowWriter): Effect.Effect<void> => Signal.until(writer.changed, () => writer.isDone)

/** Writes until the last frame is with the carrier, and finishes the link if this side is to. */
export const writeAll = Effect.fnUntraced(
  function* (writer: FlowWriter): Effect.fn.Return<void, LinkBroken> {
    const { changed, link, sender } = writer
    while (isSending(writer)) {
      yield* Signal.until(changed, () => !isSending(writer) || (!writer.isScheduled && Sender.hasWork(sender)))
      const frame = Sender.take(sender)
      if (frame === undefined) continue
      writer.isHeld = true
      Signal.notify(changed)
      yield* link.write(frame)
      writer.isHeld = false
      flush(writer)
    }
    if (isFinishing(writer)) yield* link.finish
  },
  (writing, writer) =>
    Effect.ensuring(
      writing,
      Effect.sync(() => {
        writer.isDone = true
        Signal.notify(writer.changed)
      })
    )
)
