/** When states are exchanged, and with whom. Source: memberlist-protocol.md, section 15. */
import * as Members from "./Members.ts"
import { choose } from "./Sampling.ts"
import { arm, type Turn } from "./State.ts"

const scaleFrom = 32

/** The interval between two exchanges that one host begins, in a cluster of `n`. */
export const intervalMillis = (baseMillis: number, n: number): number =>
  n <= scaleFrom ? baseMillis : (Math.ceil(Math.log2(n) - Math.log2(scaleFrom)) + 1) * baseMillis

/** Exchanges states with one random member that is alive. */
export const pushPullTick = (turn: Turn): Turn => {
  const { config, members, self } = turn.state
  arm(turn, intervalMillis(config.settings.pushPullIntervalMillis, Members.count(members)), { _tag: "PushPullTick" })
  const [partner] = choose(turn.random, members.order, 1, (entry) => entry !== self && entry.member.status === "alive")
  if (partner === undefined) return turn
  const { address, name } = partner.member
  turn.outputs.push({ _tag: "PushPull", to: address, name })
  return turn
}
