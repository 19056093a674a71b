/**
 * A link before it carries a flow: each side says one frame and hears one, and whoever waits for something else hears only
 * that the link breaks.
 */
import { Cause, Effect } from "effect"
import type { Fail, Frame, Rejected } from "../../protocol/flow/Frame.ts"
import type { Link, LinkBroken, Listener } from "../../services/Transport.ts"
import * as Refusals from "./Refusals.ts"

const nothing = (): void => {}

/** Says this side's first frame, for which any link has room; true unless it is lost. */
export const say = (link: Link, frame: Frame): boolean => {
  let left: Frame | undefined = frame
  link.fill(() => {
    const next = left
    left = undefined
    return next
  })
  return left === undefined && !link.isBroken()
}

/** Answers a link with its last frame. */
export const refuse = (link: Link, last: Rejected | Fail): Effect.Effect<void> =>
  Effect.andThen(
    Effect.sync(() => {
      say(link, last)
      link.finish()
    }),
    Refusals.flowRefused(last.reason)
  )

/** Has the next frame heard, or the end, and takes no other. */
export const listen = (
  link: Link,
  heard: { readonly onFirst: (frame: Frame) => void; readonly onEnd: Listener["onEnd"] }
): Listener => {
  const listener: Listener = {
    onFrame: (frame) => {
      heard.onFirst(frame)
      return false
    },
    onEnd: heard.onEnd,
    // Whoever takes no frames may have said why: what has come tells more, and the end follows it.
    onBroken: nothing,
    onRoom: nothing
  }
  link.attach(listener)
  link.goOn()
  return listener
}

/** Says a frame, and waits for the answer; `Cause.Done` when the peer finishes without one. */
export const ask = (link: Link, asking: Frame): Effect.Effect<Frame, LinkBroken | Cause.Done> =>
  Effect.callback((resume) => {
    const onFirst = (frame: Frame) => resume(Effect.succeed(frame))
    const listener = listen(link, { onFirst, onEnd: (how) => resume(Effect.fail(how())) })
    say(link, asking)
    return Effect.sync(() => link.detach(listener))
  })

/** Waits for something else than the link, hearing no frame, and fails once that has broken. */
export const unlessBroken = <A>(link: Link, waiting: Effect.Effect<A>): Effect.Effect<A, Cause.Done> =>
  Effect.raceFirst(
    waiting,
    Effect.callback<never, Cause.Done>((resume) => {
      const onBroken = () => resume(Cause.done())
      if (link.isBroken()) return onBroken()
      const listener: Listener = { onFrame: () => false, onEnd: nothing, onBroken, onRoom: nothing }
      link.attach(listener)
      return Effect.sync(() => link.detach(listener))
    })
  )
