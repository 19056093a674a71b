/** Answering an accusation of ourselves with a higher incarnation. Source: memberlist-protocol.md, section 11.6. */
import * as Awareness from "./Awareness.ts"
import * as Members from "./Members.ts"
import { aliveOf, broadcast, dropped, type Turn } from "./State.ts"
import { isJump } from "./Validity.ts"

/** Raises our incarnation above the accused one, which must be within reach: one that is not has no effect. */
export const refute = (turn: Turn, accused: number): Turn => {
  const { awareness, members, self } = turn.state
  const before = self.member
  if (isJump(accused, before.incarnation, turn.ownJumpMax)) return dropped(turn, "incarnationJump")
  const member = { ...before, incarnation: Math.max(before.incarnation, accused) + 1 }
  Members.update(members, self, member)
  Awareness.apply(awareness, 1)
  // Under our own name, so that a queued accusation of us is displaced.
  broadcast(turn.state, member.name, aliveOf(member))
  turn.outputs.push({ _tag: "Changed", member, from: before.status, change: "raised", updated: false, accusers: [] })
  return turn
}
