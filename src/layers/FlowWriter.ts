/**
 * What leaves a flow: messages are packed as they are sent. The frame goes to the carrier at once if that is idle, at the
 * end of the turn if it is not, or once as much waits as may. While it has no room, it says when it has some again; of a
 * carrier that does not, a fiber of the flow's scope waits for it.
 */
import { Effect } from "effect"
import type * as Frame from "../protocol/flow/Frame.ts"
import type { Limits } from "../protocol/flow/Limits.ts"
import * as Sender from "../protocol/flow/Sender.ts"
import type { Link, LinkBroken } from "../services/Transport.ts"
import * as FlowBuffers from "./FlowBuffers.ts"
import * as Signal from "./Signal.ts"

export interface FlowWriter {
  readonly sender: Sender.Sender
  /** Takes a message if there is room for it. The caller has checked its size, and that the sender is open. */
  readonly offer: (message: Uint8Array) => boolean
  /** What was offered may leave: at once on an idle carrier, otherwise together with what else is sent in this turn. */
  readonly commit: () => void
  /** Waits until there is room, or no message is taken any more. */
  readonly room: Effect.Effect<void>
  /** Says that no more messages come; see `Sender.end`. */
  readonly end: (last?: Frame.Fail) => void
  /** Drops what waits; see `Sender.abandon`. */
  readonly abandon: (last?: Frame.Fail) => void
  /** Hands to the carrier now what it has room for. */
  readonly flush: () => void
  /** The carrier has room again, or never will have. */
  readonly onRoom: () => void
  /** Writes until the last frame is with the carrier, and finishes the link if this side is to. */
  readonly writeAll: Effect.Effect<void, LinkBroken>
  /** Waits until the last frame is with the carrier, or never will be. */
  readonly flushed: Effect.Effect<void>
}

/** `finish` is that of an attached link; any other has `writeAll` run. */
export const make = (
  link: Link,
  limits: Limits,
  role: "caller" | "endpoint",
  finish: (() => void) | undefined
): FlowWriter => {
  const sender = Sender.make(limits, FlowBuffers.shared)
  const room = Signal.make()
  const work = Signal.make()
  let isScheduled = false
  /** The fiber holds a frame, which no other may overtake. */
  let isHeld = false
  let isDone = false

  const isSending = (): boolean => sender.status === "open" || sender.status === "ending"
  const isUnblocked = (): boolean => Sender.hasRoom(sender) || sender.status !== "open"
  const next = () => Sender.take(sender)

  const isFinishing = (): boolean => role === "caller" || sender.fail !== undefined

  const settle = (): void => {
    isDone = true
    Signal.notify(work)
  }

  const flush = (): void => {
    isScheduled = false
    if (isHeld) return
    link.fill(next)
    if (finish !== undefined && !isDone && !isSending()) {
      if (isFinishing()) finish()
      settle()
    }
    Signal.notify(work)
    Signal.notify(room)
  }

  const schedule = (): void => {
    if (isScheduled || isHeld) return
    isScheduled = true
    queueMicrotask(flush)
  }

  return {
    sender,
    offer: (message) => {
      if (!Sender.hasRoom(sender)) {
        flush()
        if (!Sender.hasRoom(sender)) return false
      }
      return Sender.offer(sender, message)
    },
    commit: () => {
      if (link.isIdle()) flush()
      else schedule()
    },
    room: Signal.until(room, isUnblocked),
    end: (last) => {
      if (Sender.end(sender, last)) schedule()
    },
    abandon: (last) => {
      Sender.abandon(sender, last)
      Signal.notify(room)
      schedule()
    },
    flush,
    onRoom: () => {
      if (!isScheduled) flush()
    },
    flushed: Signal.until(work, () => isDone),
    writeAll: Effect.gen(function* () {
      while (isSending()) {
        yield* Signal.until(work, () => !isSending() || (!isScheduled && Sender.hasWork(sender)))
        const frame = Sender.take(sender)
        if (frame === undefined) continue
        isHeld = true
        Signal.notify(room)
        yield* link.write(frame)
        isHeld = false
        flush()
      }
      if (isFinishing()) yield* link.finish
    }).pipe(Effect.ensuring(Effect.sync(settle)))
  }
}
