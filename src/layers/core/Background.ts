/** Fibers in the background. A failed fiber prints nothing by itself, so each of these logs that it has stopped. */
import { Cause, Effect, Exit, type Fiber, FiberSet, type Scope, Stream } from "effect"

const say = (what: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(`${what} stopped`, cause)

/** Logs the failure of an effect that nobody else observes. */
export const heard =
  (what: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.tapCause(effect, (cause) => say(what, cause))

/** Forks an effect for the life of the scope, and logs its failure. */
export const run = <A, E, R>(
  what: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.Fiber<A, E>, never, R | Scope.Scope> => Effect.forkScoped(heard(what)(effect))

/**
 * Uses each element of a stream that the application gives. An element that is not of its type, as in an untyped
 * program, is logged and skipped, and the next one is used.
 */
export const each = <A, R>(
  what: string,
  stream: Stream.Stream<A>,
  use: (element: A) => Effect.Effect<void, never, R>
): Effect.Effect<void, never, R> =>
  Stream.runForEach(stream, (element) =>
    Effect.catchDefect(
      Effect.suspend(() => use(element)),
      // The element is not logged: it may be a secret.
      () => Effect.logWarning(`${what}: an element cannot be read, and what there is stays`)
    )
  )

/** Pause of a loop between a failed turn and the next one. */
const failedPause = "1 second"

/** Repeats `turn` for the life of the scope. A failed turn is a bug: it is logged, and the next follows a pause. */
export const loop = <A, E, R>(
  what: string,
  turn: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.Fiber<never>, never, R | Scope.Scope> => {
  const survived = Effect.catchCause(turn, (cause) =>
    Effect.andThen(Effect.logError(`${what} failed, and goes on`, cause), Effect.sleep(failedPause))
  )
  return Effect.forkScoped(Effect.forever(survived))
}

/** Returns a function that forks effects for the life of the scope, from any call site, and logs their failures. */
export const makeRun = (
  what: string
): Effect.Effect<(effect: Effect.Effect<void>) => Fiber.Fiber<void>, never, Scope.Scope> =>
  Effect.map(FiberSet.makeRuntime<never, void, never>(), (fork) => {
    // One observer for all fibers: they are too many for a closure each.
    const told = (exit: Exit.Exit<void>): void => {
      if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) fork(say(what, exit.cause))
    }
    return (effect) => {
      const running = fork(effect)
      running.addObserver(told)
      return running
    }
  })
