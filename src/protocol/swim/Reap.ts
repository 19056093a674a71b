/** Starts a probe round: reaps the long dead and shuffles the rest. Source: memberlist-wire.md, section 11.7. */
import * as Forgotten from "./Forgotten.ts"
import { isGone } from "./Member.ts"
import * as Members from "./Members.ts"
import type { Turn } from "./State.ts"

export const nextRound = (turn: Turn): void => {
  const { config, forgotten, members, self } = turn.state
  const reaped = Members.nextRound(
    members,
    turn.random,
    (member) =>
      isGone(member) && member !== self.member && turn.now - member.changedAt > config.settings.gossipToTheDeadMillis
  )
  for (const member of reaped) {
    Forgotten.remember(forgotten, member, config.limits, turn.now)
    turn.outputs.push({ _tag: "Reaped", member })
  }
  Forgotten.expire(forgotten, turn.now)
}
