/**
 * What a host says to those who accuse it: its own alive, directly, beside the gossip.
 *
 * An accuser that is behind (we refuted already) would otherwise hear of it by luck or by the next push/pull.
 * Limits: one answer for each datagram, and per accuser and second, and only to the address that we know of that member.
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
