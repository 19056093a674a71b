/**
 * The bound of a whole flow, by the clock of either side: on the wire goes what is left of it, never a time of day.
 */
import { Context, Effect, type Scope } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import { DeadlineExceeded } from "../../services/FlowError.ts"
import * as Background from "../core/Background.ts"
import * as Monotonic from "../core/Monotonic.ts"
import type { FlowEnd } from "./FlowEnd.ts"

/** The end of the flow in whose handler a fiber runs, in milliseconds on the monotonic clock: flows opened there end with it. */
export const Inherited = Context.Reference<number | undefined>("grinta/layers/flow/Deadline/Inherited", {
  defaultValue: () => undefined
})

/** Ends the flow on this side when its time is over. */
export const enforce = <E>(
  channel: FlowEnd<E>,
  millis: number | undefined
): Effect.Effect<void, never, Scope.Scope> => {
  if (millis === undefined) return Effect.void
  const detail = `it was given ${millis} ms`
  const expire = Effect.sync(() =>
    channel.fail(new DeadlineExceeded({ detail }), Frame.fail("DeadlineExceeded", detail))
  )
  return Effect.asVoid(Background.run("the deadline of a flow", Effect.delay(expire, Monotonic.timer(millis))))
}
