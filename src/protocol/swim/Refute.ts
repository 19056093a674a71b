/** Answering an accusation of ourselves with a higher incarnation. Source: memberlist-protocol.md, section 11.6. */
import * as Awareness from "./Awareness.ts"
import * as Members from "./Members.ts"
import { outOfReach, startOver } from "./StartOver.ts"
import { aliveOf, broadcast, type Turn } from "./State.ts"
import { isJump } from "./Validity.ts"

/** Raises our incarnation above the accused one, if that is within reach. `heard` is the metadata that came with it. */
export const refute = (turn: Turn, accused: number, heard?: Uint8Array): Turn => {
  const { awareness, config, members, self } = turn.state
  const before = self.member
  if (isJump(accused, before.incarnation, turn.ownJumpMax)) return outOfReach(turn, accused, heard)
  const incarnation = Math.max(before.incarnation, accused) + 1
  Awareness.apply(awareness, 1)
  if (incarnation > config.limits.incarnationFirstMax && startOver(turn, accused, heard)) return turn
  const member = { ...before, incarnation }
  Members.update(members, self, member)
  // Under our own name, so that a queued accusation of us is displaced.
  broadcast(turn.state, member.name, aliveOf(member))
  turn.outputs.push({ _tag: "Changed", member, from: before.status, change: "raised", updated: false, accusers: [] })
  return turn
}
