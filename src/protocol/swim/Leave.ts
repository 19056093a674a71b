/** Leaving on purpose. Source: memberlist-protocol.md, section 16. */
import * as Broadcasts from "./Broadcasts.ts"
import { dead } from "./Dead.ts"
import { isLive } from "./Member.ts"
import type { State, Turn } from "./State.ts"

/** Says goodbye; the host goes on answering and gossiping. A second leave changes nothing. */
export const leave = (turn: Turn): Turn => {
  const { config, leaving, memberBroadcasts, self, standing } = turn.state
  if (leaving !== "no") return turn
  turn.state.leaving = "telling"
  const { incarnation, name } = self.member
  dead(turn, { _tag: "Dead", incarnation, node: name, from: config.name })
  // While another address is known by the name, that one would be taken to leave.
  if (standing.isHeld) Broadcasts.forget(memberBroadcasts, name)
  return turn
}

/** Whether there is a member to tell. */
const hasOthers = ({ members, self }: State): boolean => members.live > (isLive(self.member) ? 1 : 0)

/** Notices that the goodbye was sent as often as it is to be, or that nobody is left to hear it. */
export const checkLeave = (turn: Turn): Turn => {
  const { leaving, memberBroadcasts, self } = turn.state
  if (leaving !== "telling") return turn
  if (Broadcasts.has(memberBroadcasts, self.member.name) && hasOthers(turn.state)) return turn
  turn.state.leaving = "done"
  turn.outputs.push({ _tag: "LeaveFinished" })
  return turn
}
