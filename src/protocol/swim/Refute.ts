/** Refutes an accusation of this host with a higher incarnation. Source: memberlist-wire.md, section 11.6. */
import * as Awareness from "./Awareness.ts"
import * as Members from "./Members.ts"
import { outOfReach, startOver } from "./StartOver.ts"
import { aliveOf, broadcast, type Turn } from "./State.ts"
import { isJump } from "./Validity.ts"

/** Raises the incarnation above `accused`, if that is within reach. `heard` is the metadata in the accusation. */
export const refute = (turn: Turn, accused: number, heard?: Uint8Array): Turn => {
  const { awareness, config, members, self } = turn.state
  const before = self.member
  if (isJump(accused, before.incarnation, turn.ownJumpMax)) return outOfReach(turn, accused, heard)
  const incarnation = Math.max(before.incarnation, accused) + 1
  Awareness.apply(awareness, 1)
  if (incarnation > config.limits.incarnationFirstMax && startOver(turn, accused, heard)) return turn
  const member = { ...before, incarnation }
  Members.update(members, self, member)
  // Queued under this host's name, which displaces a queued accusation of it.
  broadcast(turn.state, member.name, aliveOf(member))
  turn.outputs.push({ _tag: "Changed", member, from: before.status, change: "raised", updated: false, accusers: [] })
  return turn
}
