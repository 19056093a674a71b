/** The other side's state of a push/pull. Source: memberlist-protocol.md, sections 10.2 and 11.5. */
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
 * Applies each record; an incompatible one is left out, and does not spoil the rest.
 *
 * A death is only a suspicion here, so that the member can refute. A record of ourselves makes us refute: that is how a
 * host that restarted gets past its old incarnation. The first such record may be far above us.
 */
export const merge = (turn: Turn, nodes: ReadonlyArray<NodeState>, isPart = false): Turn => {
  const { config } = turn.state
  if (nodes.some(({ name }) => name !== config.name)) turn.state.standing.hasListened = true
  for (const node of nodes) {
    if (isOldNews(turn.state, node)) continue
    const isSelf = node.name === config.name
    // What only we say: this host has asked itself, at another of its addresses.
    const isEcho = isSelf && !isPart && nodes.length === 1 && node.state === "alive"
    if (isEcho && isSamePlace({ bytes: node.address, port: node.port }, turn.state.self.member.address)) continue
    if (isSelf && node.state !== "alive") ownAccusation(turn, node)
    else if (isSelf || isCompatible(config.versions, node.versions)) apply(turn, node)
    else dropped(turn, "incompatible", delegateText(node.name, node.versions))
    if (isSelf) turn.state.isRecognized = true
  }
  return turn
}

/** An accusation of ourselves, with the metadata that we are accused at. */
const ownAccusation = (turn: Turn, { address, incarnation, meta, port, state }: NodeState): Turn => {
  const { leaving, self } = turn.state
  if (leaving !== "no") return turn
  const place = { bytes: address, port }
  if (state === "suspect" && isSamePlace(place, self.member.address)) know(turn)
  else if (state === "suspect") hearElsewhere(turn, place, incarnation)
  return incarnation < self.member.incarnation ? outrun(turn, incarnation, meta) : refute(turn, incarnation, meta)
}

/** Most records say what is known already; they are passed over before anything is made of them. */
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
  // Only an alive teaches a name; that the other side remembers more of the dead is no fault.
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

/** Our side of a push/pull: all members on the list, ourselves and the dead included. */
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

/** How far above us a record of ourselves may be. */
export const ownReach = ({ config, isRecognized }: State, isJoin: boolean): number =>
  isJoin && !isRecognized ? config.limits.incarnationFirstMax : config.limits.incarnationJumpMax
