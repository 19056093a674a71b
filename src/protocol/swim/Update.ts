/** Announces this host anew. Source: memberlist-wire.md, section 16 (update meta). */
import type { Member } from "./Member.ts"
import * as Members from "./Members.ts"
import { startOver } from "./StartOver.ts"
import { aliveOf, broadcast, dropped, type Turn } from "./State.ts"
import { isJump } from "./Validity.ts"

/** Raises this host's incarnation, with the new metadata, and gossips it. */
export const updateMeta = (turn: Turn, meta: Uint8Array): Turn => {
  const { config, self } = turn.state
  if (meta.length > config.limits.metaBytesMax) return dropped(turn, "metaTooLarge")
  return raise(turn, { ...self.member, meta: meta.slice() }, true)
}

/** Gossips this host's `alive` again, at a higher incarnation so that all members pass it on. */
export const announce = (turn: Turn): Turn => raise(turn, turn.state.self.member, false)

const raise = (turn: Turn, before: Member, updated: boolean): Turn => {
  const { config, leaving, members, self } = turn.state
  const incarnation = before.incarnation + 1
  if (leaving !== "no" || isJump(incarnation, 0, Number.POSITIVE_INFINITY)) return dropped(turn, "updateRefused")
  const member: Member = { ...before, incarnation }
  Members.update(members, self, member)
  if (incarnation > config.limits.incarnationFirstMax && startOver(turn, incarnation, undefined)) return turn
  broadcast(turn.state, member.name, aliveOf(member))
  const change = updated ? "updated" : "raised"
  turn.outputs.push({ _tag: "Changed", member, from: before.status, change, updated, accusers: [] })
  return turn
}
