/**
 * A leave, as its member's word, heard of a member that may know nothing of it: nothing binds a message to its author.
 *
 * The word is passed on at once, and so is a question to the member itself. One that has not left says so at a higher
 * incarnation, long before the time is over after which the word is believed; one that has left says nothing.
 * Limits: one question for each word that is waited for.
 */
import type { Dead, PacketMessage } from "../memberlist/Message.ts"
import { dead } from "./Dead.ts"
import { isLive } from "./Member.ts"
import { sendBare } from "./Packets.ts"
import { arm, broadcast, dropped, hurry, type Turn } from "./State.ts"
import { isJump } from "./Validity.ts"

/** Asks a member whether it has left, or died: it refutes to us. */
export const askGone = ({ state }: Turn, node: string, incarnation: number): ReadonlyArray<PacketMessage> => [
  { _tag: "Suspect", incarnation, node, from: state.config.name }
]

/** Applies a leave of another, once that other has had the time to deny it. */
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

/** The member has not denied it. */
export const leaveDue = (turn: Turn, name: string): Turn => {
  const entry = turn.state.members.byName.get(name)
  if (entry?.farewell === undefined) return turn
  const { message } = entry.farewell
  entry.farewell = undefined
  return dead(turn, message)
}
