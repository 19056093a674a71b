/** New metadata of our own. Source: memberlist-protocol.md, section 16 (update meta). */
import type { Member } from "./Member.ts"
import * as Members from "./Members.ts"
import { startOver } from "./StartOver.ts"
import { aliveOf, broadcast, dropped, type Turn } from "./State.ts"
import { isJump } from "./Validity.ts"

/** Raises our incarnation, with the new metadata, and tells the cluster. */
export const updateMeta = (turn: Turn, meta: Uint8Array): Turn => {
  const { config, leaving, members, self } = turn.state
  if (meta.length > config.limits.metaBytesMax) return dropped(turn, "metaTooLarge")
  const incarnation = self.member.incarnation + 1
  if (leaving !== "no" || isJump(incarnation, 0, Number.POSITIVE_INFINITY)) return dropped(turn, "updateRefused")
  const from = self.member.status
  const member: Member = { ...self.member, meta: meta.slice(), incarnation }
  Members.update(members, self, member)
  if (incarnation > config.limits.incarnationFirstMax && startOver(turn, incarnation, undefined)) return turn
  broadcast(turn.state, member.name, aliveOf(member))
  turn.outputs.push({ _tag: "Changed", member, from, change: "updated", updated: true, accusers: [] })
  return turn
}
