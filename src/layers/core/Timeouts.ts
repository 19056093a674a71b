/**
 * Timeouts of one length. They expire in the order in which they begin, so one fiber sleeps for all of them, where each
 * `Effect.timeout` takes two fibers and a timer, mostly for nothing.
 */
import { Clock, type Context, Duration, Effect, Exit, Fiber, Option, type Scope } from "effect"
import * as Background from "./Background.ts"
import * as Monotonic from "./Monotonic.ts"

export interface Timeout {
  /** Monotonic time at which the timeout expires, in milliseconds. */
  readonly at: number
  readonly onOver: () => void
}

export interface Timeouts {
  readonly lengthMillis: number
  /** Begins a timeout. Calls `onOver` when it expires, unless it was ended before. */
  readonly begin: (onOver: () => void) => Timeout
  readonly end: (timeout: Timeout) => void
}

/** Expired timeouts called back per turn of the event loop. */
const toldPerTurn = 48

/** Makes timeouts. Timeouts that still run when the scope ends never call back. */
export const make = Effect.fnUntraced(function* (
  length: Duration.Input
): Effect.fn.Return<Timeouts, never, Scope.Scope> {
  const lengthMillis = Duration.toMillis(length)
  const clock = yield* Clock.Clock
  const run = yield* Background.makeRun("timeouts")
  const begun = new Set<Timeout>()
  let isAsleep = false

  /** Returns the oldest timeout. An iterator kept over a sleep would retain the timeouts ended meanwhile. */
  const first = (): Timeout | undefined => begun.values().next().value

  /** Calls back, and logs a failure, so that it does not delay the other timeouts. */
  const tell = ({ onOver }: Timeout): Effect.Effect<void> =>
    Effect.catchCause(Effect.sync(onOver), (cause) => Effect.logError("what a timeout does failed", cause))

  const sleep = Effect.gen(function* () {
    let count = 0
    for (let next = first(); next !== undefined; next = first()) {
      const left = next.at - Monotonic.nowOf(clock)
      if (left > 0) yield* Effect.sleep(Math.ceil(left))
      else if (begun.delete(next)) yield* tell(next)
      // Ten thousand may expire at once: other fibers run in between.
      if (++count % toldPerTurn === 0) yield* Effect.yieldNow
    }
    isAsleep = false
  })

  return {
    lengthMillis,
    begin: (onOver) => {
      const timeout = { at: Monotonic.nowOf(clock) + lengthMillis, onOver }
      begun.add(timeout)
      if (!isAsleep) {
        isAsleep = true
        // Sleeps to the end of this timeout even if it is ended before: mostly it is, and the next one begins soon.
        run(Effect.andThen(Effect.sleep(lengthMillis), sleep))
      }
      return timeout
    },
    end: (timeout) => {
      begun.delete(timeout)
    }
  }
})

const share = <A, E, R>({ begin, end }: Timeouts, effect: Effect.Effect<A, E, R>) =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<Option.Option<A>, E>((resume) => {
      const running = Effect.runForkWith(context)(effect) // tidy: its exit is observed below
      const timeout = begin(() => resume(Effect.as(Fiber.interrupt(running), Option.none())))
      running.addObserver((exit) => {
        end(timeout)
        resume(Exit.map(exit, Option.some))
      })
      return Effect.suspend(() => {
        end(timeout)
        return Fiber.interrupt(running)
      })
    })
  )

/** As `Effect.timeoutOption`, on the shared `timeouts` when `length` is theirs, else on a timer of its own. */
export const within = <A, E, R>(
  timeouts: Timeouts,
  effect: Effect.Effect<A, E, R>,
  length: Duration.Input = timeouts.lengthMillis
): Effect.Effect<Option.Option<A>, E, R> =>
  Duration.toMillis(length) === timeouts.lengthMillis ? share(timeouts, effect) : Effect.timeoutOption(effect, length)
