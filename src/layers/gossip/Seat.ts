/**
 * Seat: the one seat of the membership plane for a passenger, and the listeners that only hear of changes.
 *
 * A failure of either does not stop the membership plane: it is a bug, and is logged as one.
 */
import { Cause, Effect, type Scope } from "effect"
import type { Gossip, MemberChange, Passenger } from "../../services/Gossip.ts"

export interface Seat {
  /** Boards a passenger for the life of the scope. A second passenger at the same time is a defect. */
  readonly board: (passenger: Passenger) => Effect.Effect<void, never, Scope.Scope>
  readonly onChange: Gossip["Service"]["onChange"]
  /** Passenger aboard, or one without any effect. `memberChanged` tells the listeners too. */
  readonly passenger: Omit<Passenger, "isOfHosts">
  /** `isOfHosts` of the passenger aboard. */
  readonly isOfHosts: Passenger["isOfHosts"]
}

type ChangeListener = Parameters<Seat["onChange"]>[0]

const noBytes: Uint8Array = new Uint8Array(0)

const nobody: Passenger = {
  message: () => Effect.void,
  localState: Effect.succeed(noBytes),
  mergeState: () => Effect.void,
  memberChanged: () => Effect.void
}

export const make = (count: (reason: string) => void): Seat => {
  let current = nobody
  const listeners = new Set<ChangeListener>()

  const guard = <A>(run: () => Effect.Effect<A>, orElse: A): Effect.Effect<A> =>
    Effect.catchCause(Effect.suspend(run), (cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      count("passenger.defect")
      return Effect.as(Effect.logError("the passenger of the membership plane failed", cause), orElse)
    })

  const told = (change: MemberChange) => (listener: ChangeListener) => guard(() => listener(change), undefined)

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
    onChange: (listener) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => listeners.add(listener)),
          () => Effect.sync(() => listeners.delete(listener))
        )
      ),
    passenger: {
      message: (payload) => guard(() => current.message(payload), undefined),
      localState: guard(() => current.localState, noBytes),
      mergeState: (state) => guard(() => current.mergeState(state), undefined),
      memberChanged: (change) =>
        Effect.andThen(
          guard(() => current.memberChanged(change), undefined),
          Effect.forEach([...listeners], told(change), { discard: true })
        )
    }
  }
}
