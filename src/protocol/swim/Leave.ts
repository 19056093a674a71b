/** Leaving on purpose. Source: memberlist-wire.md, section 16. */
import * as Broadcasts from "./Broadcasts.ts"
import { dead } from "./Dead.ts"
import { isLive } from "./Member.ts"
import type { State, Turn } from "./State.ts"

/** Gossips this host's leave; the host goes on answering and gossiping. A second leave changes nothing. */
export const leave = (turn: Turn): Turn => {
  const { config, leaving, memberBroadcasts, self, standing } = turn.state
  if (leaving !== "no") return turn
  turn.state.leaving = "telling"
  const { incarnation, name } = self.member
  dead(turn, { _tag: "Dead", incarnation, node: name, from: config.name })
  // While members know the name at another address, they would take the leave for that process's.
  if (standing.isHeld) Broadcasts.forget(memberBroadcasts, name)
  return turn
}

/** Whether there is a live member to tell. */
const hasOthers = ({ members, self }: State): boolean => members.live > (isLive(self.member) ? 1 : 0)

/** Finishes the leave once it was sent as often as the limit allows, or no live member is left. */
export const checkLeave = (turn: Turn): Turn => {
  const { leaving, memberBroadcasts, self } = turn.state
  if (leaving !== "telling") return turn
  if (Broadcasts.has(memberBroadcasts, self.member.name) && hasOthers(turn.state)) return turn
  turn.state.leaving = "done"
  turn.outputs.push({ _tag: "LeaveFinished" })
  return turn
}
