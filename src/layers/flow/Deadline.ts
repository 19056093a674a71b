/**
 * Deadline of a whole flow, by the clock of either side: the wire carries the time that is left, never a time of day.
 */
import { Context, Effect, type Scope } from "effect"
import * as Frame from "../../protocol/flow/Frame.ts"
import { DeadlineExceeded } from "../../services/FlowError.ts"
import * as Background from "../core/Background.ts"
import * as Monotonic from "../core/Monotonic.ts"
import type { FlowEnd } from "./FlowEnd.ts"

/** Deadline of the flow whose handler runs in this fiber, in ms on the monotonic clock. Flows opened there inherit. */
export const Inherited = Context.Reference<number | undefined>("grinta/layers/flow/Deadline/Inherited", {
  defaultValue: () => undefined
})

const expire = (channel: FlowEnd<unknown>, millis: number): Effect.Effect<void, never, Scope.Scope> => {
  const detail = `it was given ${millis} ms`
  const fail = Effect.sync(() => channel.fail(new DeadlineExceeded({ detail }), Frame.fail("DeadlineExceeded", detail)))
  return Effect.asVoid(Background.run("the deadline of a flow", Effect.delay(fail, Monotonic.timer(millis))))
}

/** Fails the flow with DeadlineExceeded at `at`, in milliseconds on the monotonic clock. */
export const enforce = <E>(channel: FlowEnd<E>, at: number | undefined): Effect.Effect<void, never, Scope.Scope> =>
  at === undefined
    ? Effect.void
    : Effect.flatMap(Monotonic.now, (now) => expire(channel, Math.max(0, Math.ceil(at - now))))
