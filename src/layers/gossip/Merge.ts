/**
 * Merge: takes in the state of another member, some nodes at a time, between steps of the machine. The passenger gets
 * its part outside the steps, so that the machine goes on meanwhile.
 */
import { Cause, Effect } from "effect"
import type { PushPull } from "../../protocol/memberlist/Message.ts"
import type { Input } from "../../protocol/swim/Input.ts"
import type { State } from "../../protocol/swim/State.ts"
import { isUnsettled } from "../../protocol/swim/Strangers.ts"
import * as Slices from "../core/Slices.ts"
import type { Seat } from "./Seat.ts"
import { ExchangeFailed } from "./StreamExchange.ts"

/** Node states that the machine merges at a time. */
const mergedNodesMax = 256

export interface Options {
  readonly seat: Seat
  readonly feed: (input: Input) => Effect.Effect<void>
  /** Runs an effect between two steps of the machine, or `whenStopped` when the machine has stopped. */
  readonly between: <E>(effect: Effect.Effect<void, E>, whenStopped: Effect.Effect<void, E>) => Effect.Effect<void, E>
  readonly complain: (cause: Cause.Cause<unknown>) => Effect.Effect<void>
}

type Merge = Extract<Input, { readonly _tag: "Merge" }>

/** Ends of an exchange that brought a state: this host dialled `from`, or `peer` dialled this host. */
export type Ends = Pick<Merge, "from" | "peer">

/** Longest time that a join waits for answers of the members it was told of, and how often it looks. */
const settleMillis = 500
const settleInterval = "10 millis"

/** Waits until the members named in a join have answered, so that the joiner sees them; at most `settleMillis`. */
export const settled = ({ strangers }: State, now: () => number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const untilMillis = now() + settleMillis
    return Effect.whileLoop({
      while: () => isUnsettled(strangers) && now() < untilMillis,
      body: () => Effect.sleep(settleInterval),
      step: () => undefined
    })
  })

/** Returns a function that takes in a state, and waits until that is done. */
export const make =
  ({ between, complain, feed, seat }: Options) =>
  ({ join, nodes, userState }: PushPull, ends: Ends): Effect.Effect<void, ExchangeFailed> => {
    const isOver = new ExchangeFailed({ reason: "closed", detail: "this host has stopped" })
    const parts = Slices.parts(nodes, mergedNodesMax)
    const isPart = parts.length > 1
    const mergeSome = (nodes: PushPull["nodes"]) =>
      between(feed({ _tag: "Merge", nodes, join, isPart, ...ends }), isOver)
    const toMachine = Effect.forEach(parts, mergeSome, { discard: true })
    const merged = Effect.catchDefect(toMachine, (defect) =>
      Effect.andThen(
        complain(Cause.die(defect)),
        new ExchangeFailed({ reason: "defect", detail: "its state could not be taken in: see the log" })
      )
    )
    return userState.length > 0 ? Effect.andThen(merged, seat.passenger.mergeState(userState)) : merged
  }
