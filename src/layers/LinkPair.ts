/**
 * A link inside one process: two ends, each writing what the other reads. Frames are passed, not copied: what a channel
 * puts into them is its own.
 */
import { Cause, Effect } from "effect"
import type { Fail, Frame } from "../protocol/flow/Frame.ts"
import { type Link, LinkBroken } from "../services/Transport.ts"
import * as Signal from "./Signal.ts"

export interface LinkEnd {
  readonly link: Link
  /** Breaks the whole link, for both ends; what was written and not yet read is lost. No effect on a finished one. */
  readonly breakWith: (broken: LinkBroken) => void
}

interface Direction {
  frame: Frame | undefined
  isFinished: boolean
  readonly changed: Signal.Signal
}

const direction = (): Direction => ({ frame: undefined, isFinished: false, changed: Signal.make() })

/** Two connected ends. Each direction holds one frame: a writer waits until its frame was read. */
export const make = (): readonly [LinkEnd, LinkEnd] => {
  const there = direction()
  const back = direction()
  const breaking = Signal.make()
  let broken: LinkBroken | undefined

  const breakWith = (cause: LinkBroken): void => {
    if (broken !== undefined || (there.isFinished && back.isFinished)) return
    broken = cause
    there.frame = undefined
    back.frame = undefined
    for (const signal of [there.changed, back.changed, breaking]) Signal.notify(signal)
  }

  /** Waits until what was written is read. */
  const taken = (out: Direction): Effect.Effect<void, LinkBroken> =>
    Effect.flatMap(
      Signal.until(out.changed, () => broken !== undefined || out.frame === undefined),
      () => (broken === undefined ? Effect.void : Effect.fail(broken))
    )

  const write = (out: Direction, frame: Frame): Effect.Effect<void, LinkBroken> =>
    Effect.flatMap(taken(out), () => {
      if (out.isFinished) return Effect.fail(new LinkBroken({ how: "finished", detail: "this side has finished" }))
      out.frame = frame
      Signal.notify(out.changed)
      return taken(out)
    })

  const fill = (out: Direction, next: () => Frame | undefined): void => {
    if (out.frame !== undefined || out.isFinished || broken !== undefined) return
    out.frame = next()
    Signal.notify(out.changed)
  }

  const cancel = (out: Direction, last: Fail): void => {
    if (out.isFinished) return
    if (out.frame === undefined) {
      out.frame = last
      out.isFinished = true
      Signal.notify(out.changed)
    }
    breakWith(new LinkBroken({ how: "reset", detail: last.detail }))
  }

  const read = (from: Direction): Effect.Effect<Frame, LinkBroken | Cause.Done> =>
    Effect.flatMap(
      Signal.until(from.changed, () => from.frame !== undefined || from.isFinished || broken !== undefined),
      (): Effect.Effect<Frame, LinkBroken | Cause.Done> => {
        const { frame } = from
        if (frame === undefined) return broken === undefined || from.isFinished ? Cause.done() : Effect.fail(broken)
        from.frame = undefined
        Signal.notify(from.changed)
        return Effect.succeed(frame)
      }
    )

  const end = (out: Direction, from: Direction): LinkEnd => ({
    link: {
      write: (frame) => write(out, frame),
      // A frame costs a look at the other end, so what is sent in one turn goes together.
      isIdle: () => false,
      fill: (next) => fill(out, next),
      read: read(from),
      finish: Effect.sync(() => {
        out.isFinished = true
        Signal.notify(out.changed)
      }),
      cancel: (last) => Effect.sync(() => cancel(out, last)),
      broken: Effect.flatMap(
        Signal.until(breaking, () => broken !== undefined),
        () => (broken === undefined ? Effect.never : Effect.fail(broken))
      )
    },
    breakWith
  })

  return [end(there, back), end(back, there)]
}
