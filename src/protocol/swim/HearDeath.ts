/**
 * Applies a `dead` from a datagram, which may be premature.
 *
 * A member that really died was suspected everywhere before. If not by this host, the accuser may have missed its
 * answer: so the member is asked, gets time to answer, is asked for its last word, and only then is dead.
 */
import type { Dead } from "../memberlist/Message.ts"
import { dead } from "./Dead.ts"
import { askGone, hearLeave } from "./Farewell.ts"
import { sendBare } from "./Packets.ts"
import { leadMillis, rearmSuspicion, type Turn } from "./State.ts"
import { suspect } from "./Suspect.ts"
import { answersUntil } from "./Suspicion.ts"

export const hearDeath = (turn: Turn, message: Dead): Turn => {
  const { config, members, self } = turn.state
  const entry = members.byName.get(message.node)
  if (message.from === message.node) return hearLeave(turn, message)
  if (!config.rules.deathNeedsSuspicion || entry === undefined || entry === self) return dead(turn, message)
  const { incarnation, node, from } = message
  const isAsked = entry.suspicion?.isAsked === true || !config.rules.lastWord
  if (entry.suspicion !== undefined && isAsked && answersUntil(entry.suspicion) <= turn.now) return dead(turn, message)
  const isNew = entry.suspicion === undefined
  suspect(turn, { _tag: "Suspect", incarnation, node, from })
  const { suspicion } = entry
  if (suspicion === undefined || incarnation < entry.member.incarnation) return turn
  if (isNew && config.rules.lastWord) sendBare(turn, entry.member, askGone(turn, node, incarnation))
  const lead = leadMillis(turn.state, suspicion)
  const until = Math.max(turn.now + lead, answersUntil(suspicion))
  if (until < suspicion.deadline.atMillis + lead) rearmSuspicion(turn.state, suspicion, until)
  return turn
}
