/**
 * Delays a leave that another host passed on: anybody can forge it, since no message is bound to its author.
 *
 * The leave is gossiped at once, and the member itself is asked. A member that has not left refutes at a higher
 * incarnation, well within the delay; a member that has left stays silent.
 * Limits: one question per pending leave and incarnation.
 */
import type { Dead, PacketMessage } from "../memberlist/Message.ts"
import { dead } from "./Dead.ts"
import { isLive } from "./Member.ts"
import { sendBare } from "./Packets.ts"
import { arm, broadcast, dropped, hurry, type Turn } from "./State.ts"
import { isJump } from "./Validity.ts"

/** Makes the messages that ask a member whether it has left or died; the member refutes to this host. */
export const askGone = ({ state }: Turn, node: string, incarnation: number): ReadonlyArray<PacketMessage> => [
  { _tag: "Suspect", incarnation, node, from: state.config.name }
]

/** Applies a leave of another member after a delay in which that member can refute it. */
export const hearLeave = (turn: Turn, message: Dead): Turn => {
  const { config, members, self } = turn.state
  const entry = members.byName.get(message.node)
  if (!config.rules.lastWord || entry === undefined || entry === self || !isLive(entry.member))
    return dead(turn, message)
  const { farewell, member } = entry
  if (message.incarnation < Math.max(member.incarnation, farewell?.message.incarnation ?? 0)) return turn
  if (isJump(message.incarnation, member.incarnation, config.limits.incarnationJumpMax))
    return dropped(turn, "incarnationJump")
  if (farewell?.message.incarnation === message.incarnation) return turn
  broadcast(turn.state, message.node, message)
  if (config.rules.urgentDeaths) hurry(turn)
  sendBare(turn, member, askGone(turn, message.node, message.incarnation))
  if (farewell === undefined) arm(turn, config.settings.probeTimeoutMillis, { _tag: "LeaveDue", name: message.node })
  entry.farewell = { message }
  return turn
}

/** Applies a leave that the member has not refuted in time. */
export const leaveDue = (turn: Turn, name: string): Turn => {
  const entry = turn.state.members.byName.get(name)
  if (entry?.farewell === undefined) return turn
  const { message } = entry.farewell
  entry.farewell = undefined
  return dead(turn, message)
}
