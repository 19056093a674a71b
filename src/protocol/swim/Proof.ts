/** Turns a stranger that has answered into a member, and gossips its `alive`. See `Strangers`. */
import { alive } from "./Alive.ts"
import { isSamePlace } from "./Packets.ts"
import type { State, Turn } from "./State.ts"
import * as Strangers from "./Strangers.ts"

export const isAsked = ({ strangers }: State, seq: number): boolean => strangers.asked.has(seq)

/** Handles the ack of the ping with this number, by datagram or over TCP. */
export const prove = (turn: Turn, seq: number): Turn => {
  const { members, strangers } = turn.state
  const stranger = strangers.asked.get(seq)
  if (stranger === undefined || !Strangers.isKept(strangers, stranger)) return turn
  strangers.asked.delete(seq)
  Strangers.remove(strangers, stranger)
  const { message } = stranger
  const isKnown = members.byName.has(message.node)
  const proven = turn.proven
  turn.proven = Strangers.placeOf(stranger)
  alive(turn, message, undefined)
  turn.proven = proven
  const entry = members.byName.get(message.node)
  if (entry !== undefined && isSamePlace(entry.member.address, Strangers.placeOf(stranger)))
    entry.ackedAt = entry.member.address
  if (!isKnown && entry !== undefined) Strangers.forgetName(strangers, message.node)
  return turn
}
