/** OwnState: the state that this host gives in a push/pull. A passenger's state for hosts goes to no other program. */
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
  /**
   * Returns the state for a member at this address, once it is known whether this host's name is free. A host that is
   * not known there yet gets the passenger's state in the answer to its own push/pull.
   */
  readonly to: (address: Address, join: boolean) => Effect.Effect<PushPull, ExchangeFailed>
  /** Returns the answer to a push/pull that gave this state from that address. */
  readonly answer: (given: PushPull, from: Address) => Effect.Effect<PushPull>
}

/** Names at a caller's address that may be its own: hosts behind one address share it. */
const callersMax = 16

const noBytes: Uint8Array = new Uint8Array(0)

/** Pause between two looks for the verdict of a host that asks where else its name lives. */
const lookInterval = "20 millis"

const isLost = new ExchangeFailed({ reason: "closed", detail: "this host has given its name up" })

/** Returns the empty state of a push/pull that only asks. */
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

  /** Returns whether a host gave this state before it knew that it talks to a host. A host lists itself. */
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
        // A caller that gives nothing only listens for its name.
        if (given.nodes.length === 0) return give(given.join, false)
        const callers = given.nodes.filter(({ address, state }) => state === "alive" && equalBytes(address, from.bytes))
        const rivals = named(state.strangers, new Set(callers.slice(0, callersMax).map((node) => node.name)))
        const isFromHost = given.userState.length === 0 ? isNewcomer(given, from) : isOfHosts?.(given.userState)
        const own = give(given.join, isOfHosts === undefined || isFromHost === true)
        // A second process of a name hears of the first, even before the first has answered.
        return Effect.map(own, (said) => ({ ...said, nodes: [...said.nodes, ...rivals] }))
      })
  }
}
