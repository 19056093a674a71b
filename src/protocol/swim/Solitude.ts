/**
 * Declares all members dead at once when a host has heard nobody for longer than the longest suspicion: all of them are
 * out of reach, and probes in turn would find that out one after the other.
 *
 * The host must have sent probes: a process that merely did not run has probed nobody.
 */
import { dead } from "./Dead.ts"
import { quietMillisMax } from "./Hearing.ts"
import { isLive } from "./Member.ts"
import * as Members from "./Members.ts"
import { suspicionMinMillis } from "./Scale.ts"
import type { Turn } from "./State.ts"

/** Probes in a row without an answer. */
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
