/**
 * The one seat that the membership plane has for a passenger.
 *
 * A passenger that fails does not stop the membership plane: its failure is a bug, and is logged as one.
 */
import { Cause, Effect, type Scope } from "effect"
import type { Passenger } from "../services/Gossip.ts"

export interface Seat {
  /** A second passenger at the same time is a defect. */
  readonly board: (passenger: Passenger) => Effect.Effect<void, never, Scope.Scope>
  /** What is aboard; nobody hears nothing and has nothing to say. */
  readonly passenger: Omit<Passenger, "isOfHosts">
  /** As the passenger has it that is aboard. */
  readonly isOfHosts: Passenger["isOfHosts"]
}

const noBytes: Uint8Array = new Uint8Array(0)

const nobody: Passenger = {
  message: () => Effect.void,
  localState: Effect.succeed(noBytes),
  mergeState: () => Effect.void,
  memberChanged: () => Effect.void
}

export const make = (count: (reason: string) => void): Seat => {
  let current = nobody

  const guard = <A>(effect: Effect.Effect<A>, orElse: A): Effect.Effect<A> =>
    Effect.catchCause(effect, (cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      count("passenger.defect")
      return Effect.as(Effect.logError("the passenger of the membership plane failed", cause), orElse)
    })

  return {
    board: (passenger) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.suspend(() => {
            if (current !== nobody) return Effect.die("the membership plane has a passenger already")
            current = passenger
            return Effect.void
          }),
          () =>
            Effect.sync(() => {
              current = nobody
            })
        )
      ),
    get isOfHosts() {
      return current.isOfHosts
    },
    passenger: {
      message: (payload) => Effect.suspend(() => guard(current.message(payload), undefined)),
      localState: Effect.suspend(() => guard(current.localState, noBytes)),
      mergeState: (state) => Effect.suspend(() => guard(current.mergeState(state), undefined)),
      memberChanged: (change) => Effect.suspend(() => guard(current.memberChanged(change), undefined))
    }
  }
}
