/** What this host gives in a push/pull. What a passenger says for hosts alone, no other program gets. */
import { Effect } from "effect"
import { type Address, equalBytes } from "../../protocol/Address.ts"
import type { NodeState, PushPull } from "../../protocol/memberlist/Message.ts"
import { isLive } from "../../protocol/swim/Member.ts"
import { isSamePlace } from "../../protocol/swim/Packets.ts"
import * as Rivalry from "../../protocol/swim/Rivalry.ts"
import { isAsking } from "../../protocol/swim/Standing.ts"
import { named } from "../../protocol/swim/Strangers.ts"
import * as Swim from "../../protocol/swim/Swim.ts"
import type { Seat } from "./Seat.ts"
import { ExchangeFailed } from "./StreamExchange.ts"

export interface OwnState {
  /** For a member at this address, once it is known whether the name of this host is free. Who is not known there yet is told by the answer to what it says. */
  readonly to: (address: Address, join: boolean) => Effect.Effect<PushPull, ExchangeFailed>
  /** For who has given this state from there. */
  readonly answer: (given: PushPull, from: Address) => Effect.Effect<PushPull>
}

/** Names at the address of a caller that it may have: those behind one address share them. */
const callersMax = 16

const noBytes: Uint8Array = new Uint8Array(0)

/** How often a host that asks who has its name looks for the answer. */
const lookInterval = "20 millis"

const isLost = new ExchangeFailed({ reason: "closed", detail: "this host has given its name up" })

/** What is given to who is only asked what it knows. */
export const nothing = (join: boolean): PushPull => ({ _tag: "PushPull", join, nodes: [], userState: noBytes })

export const make = (state: Swim.State, seat: Seat): OwnState => {
  const { isHost, name } = state.config

  const give = (join: boolean, isTold: boolean): Effect.Effect<PushPull> =>
    Effect.map(
      isTold && Rivalry.maySpeak(state) ? seat.passenger.localState : Effect.succeed(noBytes),
      (userState) => ({
        _tag: "PushPull",
        join,
        nodes: Swim.localNodes(state),
        userState
      })
    )

  /** Whether a host may have given this, which did not know yet that it would talk to one. It lists itself. */
  const isNewcomer = ({ join, nodes }: PushPull, { bytes }: Address): boolean => {
    const others = nodes.filter((node) => node.name !== name && node.state === "alive")
    const isThere = ({ address, port }: NodeState) => isSamePlace({ bytes: address, port }, { bytes, port })
    const there = others.filter(isThere)
    return join && (there.length > 0 ? there : others).some(({ meta }) => isHost(meta))
  }

  const to: OwnState["to"] = (address, join) =>
    Effect.suspend(() => {
      if (state.standing.isLost) return Effect.fail(isLost)
      if (Rivalry.isToListen(state, join)) return Effect.succeed(nothing(join))
      if (isAsking(state.standing)) return Effect.delay(to(address, join), lookInterval)
      const isThere = (member: Swim.Member) =>
        member.name !== name && isLive(member) && isSamePlace(member.address, address)
      const isToHost = () => [...Swim.members(state)].some((member) => isThere(member) && isHost(member.meta))
      return give(join, seat.isOfHosts === undefined || isToHost())
    })

  return {
    to,
    answer: (given, from) =>
      Effect.suspend(() => {
        const { isOfHosts } = seat
        // Who gives nothing only listens for its name.
        if (given.nodes.length === 0) return give(given.join, false)
        const callers = given.nodes.filter(({ address, state }) => state === "alive" && equalBytes(address, from.bytes))
        const rivals = named(state.strangers, new Set(callers.slice(0, callersMax).map((node) => node.name)))
        const isFromHost = given.userState.length === 0 ? isNewcomer(given, from) : isOfHosts?.(given.userState)
        const own = give(given.join, isOfHosts === undefined || isFromHost === true)
        // A second process of a name hears of the first, even before that one has answered.
        return Effect.map(own, (said) => ({ ...said, nodes: [...said.nodes, ...rivals] }))
      })
  }
}
