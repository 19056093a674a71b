/**
 * PushPulls: the push/pulls that this host begins. A join listens for its name first, then gives its state; a start
 * asks again until that state is known there.
 */
import { Effect } from "effect"
import type { Address } from "../../protocol/Address.ts"
import type { PushPull } from "../../protocol/memberlist/Message.ts"
import * as Beginning from "../../protocol/swim/Beginning.ts"
import * as Rivalry from "../../protocol/swim/Rivalry.ts"
import type * as Swim from "../../protocol/swim/Swim.ts"
import * as Merge from "./Merge.ts"
import * as OwnState from "./OwnState.ts"
import * as Exchange from "./StreamExchange.ts"

/** First pause before a member that has not taken in the given state is asked again; later pauses double. */
const confirmMillis = 20

export interface Options {
  readonly wire: Exchange.Wire
  readonly state: Swim.State
  readonly ownState: OwnState.OwnState
  readonly merge: (state: PushPull, ends: Merge.Ends) => Effect.Effect<void, Exchange.ExchangeFailed>
  readonly count: (reason: string) => void
  readonly now: () => number
}

/** Returns a function that runs a push/pull and returns the last answer. */
export const make = ({ count, merge, now, ownState, state, wire }: Options) =>
  Effect.fnUntraced(function* (to: Address, join: boolean) {
    const exchange = Effect.fnUntraced(function* (given: PushPull) {
      const { message, skipped } = yield* Exchange.pushPull(wire, to, given)
      Exchange.countSkipped(count, skipped)
      yield* merge({ ...message, join }, { from: to })
      return message
    })
    const give = Effect.fnUntraced(function* () {
      while (true) {
        const given = yield* ownState.to(to, join)
        const message = yield* exchange(given)
        if (given.nodes.length > 0 || Rivalry.isToListen(state, join)) return message
      }
    })
    let message = yield* give()
    for (let pauseMillis = confirmMillis; Beginning.isToConfirm(state, join, message.nodes); pauseMillis *= 2) {
      message = yield* exchange(OwnState.nothing(join))
      if (Beginning.isToConfirm(state, join, message.nodes)) yield* Effect.sleep(pauseMillis)
    }
    if (join) yield* Merge.settled(state, now)
    return message
  })
