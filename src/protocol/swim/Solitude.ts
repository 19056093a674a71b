/**
 * A host that has heard nobody for so long that whoever is silent would be dead: then all of them are out of reach, and it
 * says so at once, not of one after the other as its probes come to them.
 *
 * It must have asked: a process that only did not run has asked nobody.
 */
import { dead } from "./Dead.ts"
import { quietMillisMax } from "./Hearing.ts"
import { isLive } from "./Member.ts"
import * as Members from "./Members.ts"
import { suspicionMinMillis } from "./Scale.ts"
import type { Turn } from "./State.ts"

/** Probes in a row that nobody answered. */
const unansweredMin = 3

export const noteSolitude = (turn: Turn): Turn => {
  const { config, heardAt, members, self, unanswered } = turn.state
  if (!config.rules.cuts || unanswered < unansweredMin) return turn
  const { suspicionMaxTimeoutMult } = config.settings
  const longestMillis = suspicionMaxTimeoutMult * suspicionMinMillis(config, Members.count(members))
  if (turn.now - heardAt <= quietMillisMax(config) + longestMillis) return turn
  for (const entry of [...members.order]) {
    const { incarnation, name } = entry.member
    if (entry !== self && isLive(entry.member)) dead(turn, { _tag: "Dead", incarnation, node: name, from: config.name })
  }
  return turn
}
