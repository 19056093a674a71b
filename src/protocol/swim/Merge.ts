/** Merges the peer's state of a push/pull. Source: memberlist-wire.md, sections 10.2 and 11.5. */
import { equalBytes } from "../Address.ts"
import type { NodeState } from "../memberlist/Message.ts"
import { alive, isOld } from "./Alive.ts"
import { dead } from "./Dead.ts"
import { hearLeave } from "./Farewell.ts"
import { isSamePlace } from "./Packets.ts"
import { refute } from "./Refute.ts"
import { hearElsewhere, know } from "./Rivalry.ts"
import { outrun } from "./StartOver.ts"
import { dropped, type State, type Turn } from "./State.ts"
import { suspect } from "./Suspect.ts"
import { delegateText, isCompatible } from "./Validity.ts"

/**
 * Applies each record; skips an incompatible one alone.
 *
 * Under `mergedDeathIsSuspicion` a death is only a suspicion, so that the member can refute. A record of this host that
 * differs from it makes it refute: so a restarted host gets past its old incarnation, at first by more (`ownReach`).
 */
export const merge = (turn: Turn, nodes: ReadonlyArray<NodeState>, isPart = false): Turn => {
  const { config } = turn.state
  if (nodes.some(({ name }) => name !== config.name)) turn.state.standing.hasListened = true
  for (const node of nodes) {
    if (isOldNews(turn.state, node)) continue
    const isSelf = node.name === config.name
    // A record that only its host sends: this host has exchanged states with itself, at another of its addresses.
    const isEcho = isSelf && !isPart && nodes.length === 1 && node.state === "alive"
    if (isEcho && isSamePlace({ bytes: node.address, port: node.port }, turn.state.self.member.address)) continue
    if (isSelf && node.state !== "alive") ownAccusation(turn, node)
    else if (isSelf || isCompatible(config.versions, node.versions)) apply(turn, node)
    else dropped(turn, "incompatible", delegateText(node.name, node.versions))
    if (isSelf) turn.state.isRecognized = true
  }
  return turn
}

/** Handles an accusation of this host, with the metadata of the accused incarnation. */
const ownAccusation = (turn: Turn, { address, incarnation, meta, port, state }: NodeState): Turn => {
  const { leaving, self } = turn.state
  if (leaving !== "no") return turn
  const place = { bytes: address, port }
  if (state === "suspect" && isSamePlace(place, self.member.address)) know(turn)
  else if (state === "suspect") hearElsewhere(turn, place, incarnation)
  return incarnation < self.member.incarnation ? outrun(turn, incarnation, meta) : refute(turn, incarnation, meta)
}

/** Whether an alive record repeats known facts, as most do; such a record is skipped without an allocation. */
const isOldNews = (
  { config, members, self }: State,
  { address, incarnation, meta, name, port, state, versions }: NodeState
): boolean => {
  if (state !== "alive") return false
  const entry = members.byName.get(name)
  if (entry === undefined || entry === self) return false
  const { member } = entry
  return (
    isOld(config, member, { incarnation, meta }) &&
    port === member.address.port &&
    (address === member.address.bytes || equalBytes(address, member.address.bytes)) &&
    (versions === member.versions || equalBytes(versions, member.versions))
  )
}

const apply = (turn: Turn, { address, incarnation, meta, name, port, state, versions }: NodeState): Turn => {
  // Only an alive adds a name; a peer that remembers more of the dead is no fault.
  if (state !== "alive" && !turn.state.members.byName.has(name)) return turn
  switch (state) {
    case "alive":
      return alive(turn, { _tag: "Alive", incarnation, node: name, address, port, meta, versions }, undefined)
    case "left":
      return hearLeave(turn, { _tag: "Dead", incarnation, node: name, from: name })
    case "dead":
      if (turn.state.config.rules.mergedDeathIsSuspicion) return suspectOf(turn, name, incarnation)
      return dead(turn, { _tag: "Dead", incarnation, node: name, from: turn.state.config.name })
    case "suspect":
      return suspectOf(turn, name, incarnation)
  }
}

const suspectOf = (turn: Turn, node: string, incarnation: number): Turn =>
  suspect(turn, { _tag: "Suspect", incarnation, node, from: turn.state.config.name })

/** Returns this host's state for a push/pull: all members on the list, itself and the dead included. */
export const localNodes = ({ members }: State): ReadonlyArray<NodeState> =>
  members.order.map(({ member }) => ({
    name: member.name,
    address: member.address.bytes,
    port: member.address.port,
    meta: member.meta,
    incarnation: member.incarnation,
    state: member.status,
    versions: member.versions
  }))

/** Returns how far above this host's incarnation a record of itself may be. */
export const ownReach = ({ config, isRecognized }: State, isJoin: boolean): number =>
  isJoin && !isRecognized ? config.limits.incarnationFirstMax : config.limits.incarnationJumpMax
