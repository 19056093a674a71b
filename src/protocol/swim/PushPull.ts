/** When and with which member a host exchanges states. Source: memberlist-wire.md, section 15. */
import * as Deadlines from "./Deadlines.ts"
import * as Members from "./Members.ts"
import { choose } from "./Sampling.ts"
import { arm, type Turn } from "./State.ts"
import { announce } from "./Update.ts"

const scaleFrom = 32

/** Returns the interval between exchanges begun by one host, in a cluster of `n` members. */
export const intervalMillis = (baseMillis: number, n: number): number =>
  n <= scaleFrom ? baseMillis : (Math.ceil(Math.log2(n) - Math.log2(scaleFrom)) + 1) * baseMillis

/** Window in which arriving members are counted together. */
const arrivalMillis = 5_000

/** Least delay from a crowd to the exchange, at most twice that: by then gossip has told what it can. */
const afterMillis = 2_000

/**
 * Counts a member that came or came back. When a third of all live members arrive together, this host has joined or
 * comes out of a cut, and gossip has likely missed somebody. So it soon exchanges states with one of the newcomers,
 * once, to miss nobody, and announces itself again, to be missed by nobody.
 */
export const arrived = (turn: Turn): Turn => {
  const { arrivals, config, deadlines, members, pushPull } = turn.state
  if (!config.rules.cuts || pushPull === undefined) return turn
  if (turn.now - arrivals.sinceMillis > arrivalMillis) {
    arrivals.sinceMillis = turn.now
    arrivals.count = 0
  }
  arrivals.count += 1
  if (arrivals.isCrowd || arrivals.count * 3 < members.live) return turn
  arrivals.isCrowd = true
  const atMillis = turn.now + afterMillis * (1 + turn.random())
  if (pushPull.atMillis <= atMillis) return turn
  Deadlines.cancel(deadlines, pushPull)
  turn.state.pushPull = Deadlines.arm(deadlines, atMillis, pushPull.value)
  return turn
}

/** Exchanges states with one random alive member: a newcomer after a crowd, when this host also announces itself. */
export const pushPullTick = (turn: Turn): Turn => {
  const { arrivals, config, members, self } = turn.state
  const millis = intervalMillis(config.settings.pushPullIntervalMillis, Members.count(members))
  turn.state.pushPull = arm(turn, millis, { _tag: "PushPullTick" })
  const isThere = (entry: Members.Entry): boolean => entry !== self && entry.member.status === "alive"
  const isNew = (entry: Members.Entry): boolean => isThere(entry) && entry.member.changedAt >= arrivals.sinceMillis
  const { isCrowd } = arrivals
  arrivals.isCrowd = false
  if (isCrowd) announce(turn)
  const [newcomer] = isCrowd ? choose(turn.random, members.order, 1, isNew) : []
  const partner = newcomer ?? choose(turn.random, members.order, 1, isThere)[0]
  if (partner === undefined) return turn
  const { address, name } = partner.member
  turn.outputs.push({ _tag: "PushPull", to: address, name })
  return turn
}
