/** The rule for `dead`. Source: memberlist-wire.md, section 11.4. */
import type { Dead } from "../memberlist/Message.ts"
import { take } from "./Alive.ts"
import { awaitClaim, claimOf } from "./Claim.ts"
import { isGone, type Member } from "./Member.ts"
import * as Members from "./Members.ts"
import { refute } from "./Refute.ts"
import { outrun } from "./StartOver.ts"
import { broadcast, clearSuspicion, dropped, hurry, type Turn } from "./State.ts"
import { isJump, isNameSized } from "./Validity.ts"

/** Applies a `dead`; a `dead` from the member itself is a leave. */
export const dead = (turn: Turn, message: Dead): Turn => {
  const { config, leaving, members, self } = turn.state
  const entry = members.byName.get(message.node)
  if (entry === undefined) return dropped(turn, "unknownMember")
  const known = entry.member
  const isSelf = entry === self
  if (message.incarnation < known.incarnation) return isSelf ? outrun(turn, message.incarnation, undefined) : turn
  if (isGone(known)) return turn
  if (isSelf && leaving === "no") return refute(turn, message.incarnation)
  if (isJump(message.incarnation, known.incarnation, config.limits.incarnationJumpMax))
    return dropped(turn, "incarnationJump")
  if (!isNameSized(message.from, config.limits.nameBytesMax)) return dropped(turn, "invalidName")
  const hasLeft = message.from === message.node
  const claim = hasLeft ? claimOf(turn, entry) : undefined
  if (claim !== undefined && claim.incarnation > message.incarnation) {
    // The member has moved. Hosts that missed its new address must hear the leave; no name contains a slash.
    broadcast(turn.state, `${message.node}/`, message)
    return take(turn, entry, claim, true)
  }
  const accusers = [...new Set([...(entry.suspicion?.accusers ?? []), message.from])]
  clearSuspicion(turn.state, entry)
  entry.farewell = undefined
  broadcast(turn.state, message.node, message)
  if (config.rules.urgentDeaths) hurry(turn)
  const status = hasLeft ? "left" : "dead"
  const member: Member = { ...known, incarnation: message.incarnation, status, changedAt: turn.now }
  Members.update(members, entry, member)
  awaitClaim(turn, entry)
  const change = hasLeft ? "left" : "died"
  turn.outputs.push({
    _tag: "Changed",
    member,
    from: known.status,
    change,
    updated: false,
    accusers: hasLeft ? [] : accusers
  })
  return turn
}
