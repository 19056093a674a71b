/**
 * A link inside one process: two ends, each writing what the other reads. Frames are passed, not copied: what a channel
 * puts into them is its own.
 */
import { Cause, Effect } from "effect"
import type { Frame } from "../protocol/flow/Frame.ts"
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
    for (const signal of [there.changed, back.changed, breaking]) signal.notify()
  }

  const taken = (out: Direction): Effect.Effect<void, LinkBroken> =>
    Effect.suspend(() => {
      if (broken !== undefined) return Effect.fail(broken)
      return out.frame === undefined ? Effect.void : Effect.flatMap(out.changed.wait, () => taken(out))
    })

  const write = (out: Direction, frame: Frame): Effect.Effect<void, LinkBroken> =>
    Effect.flatMap(taken(out), () => {
      if (out.isFinished) return Effect.fail(new LinkBroken({ how: "violation", detail: "written after the finish" }))
      out.frame = frame
      out.changed.notify()
      return taken(out)
    })

  const read = (from: Direction): Effect.Effect<Frame, LinkBroken | Cause.Done> =>
    Effect.suspend(() => {
      const frame = from.frame
      if (frame !== undefined) {
        from.frame = undefined
        from.changed.notify()
        return Effect.succeed(frame)
      }
      if (from.isFinished) return Cause.done()
      if (broken !== undefined) return Effect.fail(broken)
      return Effect.flatMap(from.changed.wait, () => read(from))
    })

  const end = (out: Direction, from: Direction): LinkEnd => ({
    link: {
      write: (frame) => write(out, frame),
      read: read(from),
      finish: Effect.sync(() => {
        out.isFinished = true
        out.changed.notify()
      }),
      broken: Effect.flatMap(
        Effect.suspend(() => (broken === undefined ? breaking.wait : Effect.void)),
        () => (broken === undefined ? Effect.never : Effect.fail(broken))
      )
    },
    breakWith
  })

  return [end(there, back), end(back, there)]
}
