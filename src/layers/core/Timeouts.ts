/**
 * Timeouts of one length. They are over in the order in which they began, so one fiber sleeps for all of them, where each
 * of `Effect.timeout` takes two fibers and a timer, and mostly for nothing.
 */
import { Clock, type Context, Duration, Effect, Exit, Fiber, Option, type Scope } from "effect"
import * as Background from "./Background.ts"
import * as Monotonic from "./Monotonic.ts"

export interface Timeout {
  /** When it is over, in milliseconds on the monotonic clock. */
  readonly at: number
  readonly onOver: () => void
}

export interface Timeouts {
  readonly lengthMillis: number
  /** Calls back when the time is over, unless it was ended before. */
  readonly begin: (onOver: () => void) => Timeout
  readonly end: (timeout: Timeout) => void
}

/** Timeouts of which one turn of the event loop tells. */
const toldPerTurn = 48

/** Those that have not ended with the scope never call back. */
export const make = Effect.fnUntraced(function* (
  length: Duration.Input
): Effect.fn.Return<Timeouts, never, Scope.Scope> {
  const lengthMillis = Duration.toMillis(length)
  const clock = yield* Clock.Clock
  const run = yield* Background.makeRun("timeouts")
  const begun = new Set<Timeout>()
  let isAsleep = false

  /** No iterator is kept over a sleep: it would keep what has ended meanwhile. */
  const first = (): Timeout | undefined => begun.values().next().value

  /** One that fails is no reason to be late for all others. */
  const tell = ({ onOver }: Timeout): Effect.Effect<void> =>
    Effect.catchCause(Effect.sync(onOver), (cause) => Effect.logError("what a timeout does failed", cause))

  const sleep = Effect.gen(function* () {
    let count = 0
    for (let next = first(); next !== undefined; next = first()) {
      const left = next.at - Monotonic.nowOf(clock)
      if (left > 0) yield* Effect.sleep(Math.ceil(left))
      else if (begun.delete(next)) yield* tell(next)
      // Ten thousand may be over at once, and others have their turn in between.
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
        // To the end of this one, even if it is ended before: mostly it is, and the next begins soon.
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

/** As `Effect.timeoutOption`: with the given timeouts, unless the length is another than theirs. */
export const within = <A, E, R>(
  timeouts: Timeouts,
  effect: Effect.Effect<A, E, R>,
  length: Duration.Input = timeouts.lengthMillis
): Effect.Effect<Option.Option<A>, E, R> =>
  Duration.toMillis(length) === timeouts.lengthMillis ? share(timeouts, effect) : Effect.timeoutOption(effect, length)
