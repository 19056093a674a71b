/** Taking in the states of others: in slices, since one may have many thousand members, and until those have answered. */
import { Effect } from "effect"
import type { NodeState } from "../protocol/memberlist/Message.ts"
import { isUnsettled } from "../protocol/swim/Strangers.ts"
import type * as Swim from "../protocol/swim/Swim.ts"

/** Members of a state that are taken in at a time: that takes a millisecond or two. */
const sliceNodes = 256
/** How long a join waits for those that it was told of, and how often it looks. */
const settleMillis = 500
const settleInterval = "10 millis"

type Merge = Extract<Swim.Input, { readonly _tag: "Merge" }>

/** A state as the machine is fed it. */
export const slicesOf = (
  nodes: ReadonlyArray<NodeState>,
  common: Pick<Merge, "from" | "join" | "peer">
): ReadonlyArray<Merge> => {
  const isPart = nodes.length > sliceNodes
  return Array.from({ length: Math.max(1, Math.ceil(nodes.length / sliceNodes)) }, (_, at) => ({
    _tag: "Merge",
    nodes: nodes.slice(at * sliceNodes, (at + 1) * sliceNodes),
    isPart,
    ...common
  }))
}

/** Who has joined sees those that it was told of, if they answer at once. */
export const settled = ({ strangers }: Swim.State, now: () => number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const untilMillis = now() + settleMillis
    return Effect.whileLoop({
      while: () => isUnsettled(strangers) && now() < untilMillis,
      body: () => Effect.sleep(settleInterval),
      step: () => undefined
    })
  })
