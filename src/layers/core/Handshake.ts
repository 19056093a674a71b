/**
 * Handshake of a link before it carries a flow: each side sends one frame and receives one. A side that waits for
 * something else hears only that the link breaks.
 */
import { Cause, Effect } from "effect"
import type { Fail, Frame, Rejected } from "../../protocol/flow/Frame.ts"
import type { FrameListener, Link, LinkBroken } from "../../services/Transport.ts"
import * as Refusals from "./Refusals.ts"

const nothing = (): void => {}

/** Sends the first frame of this side, for which any link has room. Returns false when the frame is lost. */
export const say = (link: Link, frame: Frame): boolean => {
  let left: Frame | undefined = frame
  link.fill(() => {
    const next = left
    left = undefined
    return next
  })
  return left === undefined && !link.isBroken()
}

/** Refuses a link with its last frame, finishes it, and counts the reason. */
export const refuse = (link: Link, last: Rejected | Fail): Effect.Effect<void> =>
  Effect.andThen(
    Effect.sync(() => {
      say(link, last)
      link.finish()
    }),
    Refusals.flowRefused(last.reason)
  )

/** Attaches a listener for the next frame, or the end. No further frame is taken. */
export const listen = (
  link: Link,
  told: { readonly onFirst: (frame: Frame) => void; readonly onEnd: FrameListener["onEnd"] }
): FrameListener => {
  const listener: FrameListener = {
    onFrame: (frame) => {
      told.onFirst(frame)
      return false
    },
    onEnd: told.onEnd,
    // The break is ignored: a frame that has come may say why, and the end follows it.
    onBroken: nothing,
    onRoom: nothing
  }
  link.attach(listener)
  link.goOn()
  return listener
}

/** Sends a frame, and waits for the answer. Errors: LinkBroken; `Cause.Done` if the peer finishes without an answer. */
export const ask = (link: Link, asking: Frame): Effect.Effect<Frame, LinkBroken | Cause.Done> =>
  Effect.callback((resume) => {
    const onFirst = (frame: Frame) => resume(Effect.succeed(frame))
    const listener = listen(link, { onFirst, onEnd: (how) => resume(Effect.fail(how())) })
    say(link, asking)
    return Effect.sync(() => link.detach(listener))
  })

/** Runs `waiting` while the link holds its frames back. Fails with `Cause.Done` once the link breaks. */
export const unlessBroken = <A>(link: Link, waiting: Effect.Effect<A>): Effect.Effect<A, Cause.Done> =>
  Effect.raceFirst(
    waiting,
    Effect.callback<never, Cause.Done>((resume) => {
      const onBroken = () => resume(Cause.done())
      if (link.isBroken()) return onBroken()
      const listener: FrameListener = { onFrame: () => false, onEnd: nothing, onBroken, onRoom: nothing }
      link.attach(listener)
      return Effect.sync(() => link.detach(listener))
    })
  )
