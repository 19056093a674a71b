/**
 * Fibers in the background: one that fails prints nothing by itself, so each of these says what has stopped.
 */
import { Cause, Effect, Exit, type Fiber, FiberSet, type Scope, Stream } from "effect"

const say = (what: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(`${what} stopped`, cause)

/** Says it in the log when something fails of which nobody else will hear. */
export const heard =
  (what: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.tapCause(effect, (cause) => say(what, cause))

/** Runs something for the life of the scope. */
export const run = <A, E, R>(
  what: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.Fiber<A, E>, never, R | Scope.Scope> => Effect.forkScoped(heard(what)(effect))

/**
 * Uses each element of a stream that a program gives. One that is not what its type says, as in a program without types, is
 * logged and left out, and the next one counts.
 */
export const each = <A, R>(
  what: string,
  stream: Stream.Stream<A>,
  use: (element: A) => Effect.Effect<void, never, R>
): Effect.Effect<void, never, R> =>
  Stream.runForEach(stream, (element) =>
    Effect.catchDefect(
      Effect.suspend(() => use(element)),
      // What it holds may be a secret.
      () => Effect.logWarning(`${what}: an element cannot be read, and what there is stays`)
    )
  )

/** Pause of a loop that has failed, before its next turn. */
const failedPause = "1 second"

/** Does something again and again for the life of the scope. A turn that fails is a bug; it is logged, and the next one comes. */
export const loop = <A, E, R>(
  what: string,
  turn: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.Fiber<never>, never, R | Scope.Scope> => {
  const survived = Effect.catchCause(turn, (cause) =>
    Effect.andThen(Effect.logError(`${what} failed, and goes on`, cause), Effect.sleep(failedPause))
  )
  return Effect.forkScoped(Effect.forever(survived))
}

/** A function that runs what it is given, from wherever it is called, for the life of the scope. */
export const makeRun = (
  what: string
): Effect.Effect<(effect: Effect.Effect<void>) => Fiber.Fiber<void>, never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntime<never, void, never>(), (fork) => {
    // One for all: the fibers are too many for a closure each.
    const told = (exit: Exit.Exit<void>): void => {
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) fork(say(what, exit.cause))
    }
    return (effect) => {
      const running = fork(effect)
      running.addObserver(told)
      return running
    }
  })
