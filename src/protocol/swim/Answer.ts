/**
 * Answers an accuser: sends this host's alive directly to it, beside the gossip.
 *
 * An accuser that missed an earlier refutation would otherwise hear of it only by luck or by the next push/pull.
 * Limits: one answer per datagram, and per accuser and second, sent only to the accuser's known address.
 */

import * as Buckets from "../Buckets.ts"
import { isGone } from "./Member.ts"
import { sendBare } from "./Packets.ts"
import { aliveOf, type Turn } from "./State.ts"

export const answer = (turn: Turn, accuser: string): Turn => {
  const { answerLimit, config, leaving, members, self } = turn.state
  const entry = members.byName.get(accuser)
  if (turn.hasAnswered || !config.rules.lastWord || leaving !== "no" || entry === undefined || entry === self)
    return turn
  if (isGone(entry.member) || !Buckets.take(answerLimit, accuser, turn.now)) return turn
  turn.hasAnswered = true
  return sendBare(turn, entry.member, [aliveOf(self.member)])
}
