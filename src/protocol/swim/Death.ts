/**
 * A death heard in a datagram, which need not be believed at once.
 *
 * A member that really died was suspected everywhere before. One that was not may be the victim of a host that did not
 * hear its answer; so it gets the time to answer here, and only then is dead.
 */
import type { Dead } from "../memberlist/Message.ts"
import { dead } from "./Dead.ts"
import { leadMillis, rearmSuspicion, type Turn } from "./State.ts"
import { suspect } from "./Suspect.ts"
import { answersUntil } from "./Suspicion.ts"

export const hearDeath = (turn: Turn, message: Dead): Turn => {
  const { config, members, self } = turn.state
  const entry = members.byName.get(message.node)
  const isLeave = message.from === message.node
  if (!config.rules.deathNeedsSuspicion || entry === undefined || entry === self || isLeave) return dead(turn, message)
  const { incarnation, node, from } = message
  if (entry.suspicion !== undefined && answersUntil(entry.suspicion) <= turn.now) return dead(turn, message)
  suspect(turn, { _tag: "Suspect", incarnation, node, from })
  const { suspicion } = entry
  if (suspicion === undefined || incarnation < entry.member.incarnation) return turn
  const until = answersUntil(suspicion)
  if (until < suspicion.deadline.atMillis + leadMillis(turn.state, suspicion))
    rearmSuspicion(turn.state, suspicion, until)
  return turn
}
