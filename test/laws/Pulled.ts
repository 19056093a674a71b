/**
 * A link as whoever writes frames by hand wants it: one frame when it is asked for, and a write that waits for room.
 */
import type { Cause } from "effect"
import { Effect } from "effect"
import * as Signal from "../../src/layers/core/Signal.ts"
import type * as Frame from "../../src/protocol/flow/Frame.ts"
import type { Link, LinkBroken } from "../../src/services/Transport.ts"

export interface Pulled {
  /** The next frame; `Cause.Done` when the peer has finished in good order. */
  readonly read: Effect.Effect<Frame.Frame, LinkBroken | Cause.Done>
  /** Hands a frame over once there is room. */
  readonly write: (frame: Frame.Frame) => Effect.Effect<void, LinkBroken>
  readonly finish: Effect.Effect<void>
  readonly cancel: (last: Frame.Fail) => Effect.Effect<void>
}

export const pull = (link: Link): Pulled => {
  const changed = Signal.make()
  let frame: Frame.Frame | undefined
  let ended: (() => LinkBroken | Cause.Done) | undefined
  let broken: (() => LinkBroken) | undefined
  const set = (change: () => void) => {
    change()
    Signal.notify(changed)
  }
  link.attach({
    onFrame: (came) => {
      set(() => {
        frame = came
      })
      return false
    },
    onEnd: (how) =>
      set(() => {
        ended = how
      }),
    onBroken: (how) =>
      set(() => {
        broken = how
      }),
    onRoom: () => Signal.notify(changed)
  })

  const read: Pulled["read"] = Effect.suspend(() => {
    link.goOn()
    const came = Signal.until(changed, () => frame !== undefined || ended !== undefined)
    return Effect.flatMap(came, (): Pulled["read"] => {
      const next = frame
      frame = undefined
      if (next !== undefined) return Effect.succeed(next)
      return ended === undefined ? read : Effect.fail(ended())
    })
  })

  const write = (written: Frame.Frame) =>
    Effect.suspend(() => {
      let left: Frame.Frame | undefined = written
      const hand = () => {
        link.fill(() => {
          const next = left
          left = undefined
          return next
        })
        return left === undefined || broken !== undefined
      }
      return Effect.flatMap(Signal.until(changed, hand), () =>
        broken === undefined ? Effect.void : Effect.fail(broken())
      )
    })

  return {
    read,
    write,
    finish: Effect.sync(() => link.finish()),
    cancel: (last) => Effect.sync(() => link.cancel(last))
  }
}
