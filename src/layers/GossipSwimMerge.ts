/**
 * Taking in the state that another member gave: its nodes some at a time, between steps of the machine, and what is for the
 * passenger beside it, so that the machine goes on meanwhile.
 */
import { Cause, Effect } from "effect"
import type { PushPull } from "../protocol/memberlist/Message.ts"
import type { Input } from "../protocol/swim/Input.ts"
import type { Seat } from "./GossipSwimSeat.ts"
import { ExchangeFailed } from "./PushPull.ts"
import * as Slices from "./Slices.ts"

/** Node states that the machine takes in at a time. */
const mergedNodesMax = 256

export interface Options {
  readonly seat: Seat
  readonly feed: (input: Input) => Effect.Effect<void>
  /** Runs something between two steps of the machine, or the second when the machine has stopped. */
  readonly between: <E>(effect: Effect.Effect<void, E>, whenStopped: Effect.Effect<void, E>) => Effect.Effect<void, E>
  readonly complain: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
}

/** Takes in a state, and waits until that is done. */
export const make =
  ({ between, complain, feed, seat }: Options) =>
  ({ join, nodes, userState }: PushPull): Effect.Effect<void, ExchangeFailed> => {
    const isOver = new ExchangeFailed({ reason: "closed", detail: "this host has stopped" })
    const mergeSome = (nodes: PushPull["nodes"]) => between(feed({ _tag: "Merge", nodes, join }), isOver)
    const toMachine = Effect.forEach(Slices.parts(nodes, mergedNodesMax), mergeSome, { discard: true })
    const merged = Effect.catchDefect(toMachine, (defect) =>
      Effect.andThen(
        complain(Cause.die(defect)),
        new ExchangeFailed({ reason: "defect", detail: "its state could not be taken in: see the log" })
      )
    )
    return userState.length > 0 ? Effect.andThen(merged, seat.passenger.mergeState(userState)) : merged
  }
