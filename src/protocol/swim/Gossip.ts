/**
 * The gossip round: queued broadcasts go to a few random members.
 *
 * Source: memberlist-protocol.md, sections 14.2 and 14.3.
 */
import * as Broadcasts from "./Broadcasts.ts"
import type { Deadline } from "./Deadlines.ts"
import type { Input } from "./Input.ts"
import type { Member } from "./Member.ts"
import type * as Members from "./Members.ts"
import { audienceOf, fits, sendBroadcasts } from "./Packets.ts"
import { choose } from "./Sampling.ts"
import { dropped, rearm, type Turn } from "./State.ts"
import type { Timer } from "./Timer.ts"

type Broadcast = Extract<Input, { readonly _tag: "Broadcast" }>

/** How long gossip reaches those that left, in probe intervals. */
const leftRounds = 5

/** Each target gets what is first in the queue at its turn, so that targets may get different messages. */
export const gossipTick = (turn: Turn, due: Deadline<Timer>): Turn => {
  const { config, members, self } = turn.state
  const { fanOut, gossipIntervalMillis, gossipToTheDeadMillis } = config.settings
  turn.state.gossip = rearm(turn, due, gossipIntervalMillis)
  const audience = audienceOf(turn.state)
  if (audience === undefined) return turn
  // Who is said to have left and has not must hear of it, or it could not deny it.
  const leftMillis = config.rules.lastWord ? leftRounds * config.settings.probeIntervalMillis : -1
  const goneMillis = { dead: gossipToTheDeadMillis, left: Math.min(gossipToTheDeadMillis, leftMillis) }
  const isReached = (member: Member): boolean =>
    (member.status === "alive" ||
      member.status === "suspect" ||
      turn.now - member.changedAt <= goneMillis[member.status]) &&
    (audience === "members" || config.isHost(member.meta))
  const isOther = (entry: Members.Entry): boolean => entry !== self && isReached(entry.member)
  const targets = config.rules.cuts
    ? chooseTargets(turn, fanOut, isOther)
    : choose(turn.random, members.order, fanOut, isOther)
  for (const { member } of targets) sendBroadcasts(turn, member)
  return turn
}

/** On the smaller side of a cut most are out of reach: there all targets but one are of those whom nobody suspects. */
const chooseTargets = (turn: Turn, fanOut: number, isOther: (entry: Members.Entry) => boolean) => {
  const { order } = turn.state.members
  const isTrusted = (entry: Members.Entry): boolean => isOther(entry) && entry.member.status === "alive"
  const targets = choose(turn.random, order, fanOut, isOther)
  if (targets.filter(isTrusted).length >= fanOut - 1) return targets
  const near = choose(turn.random, order, fanOut - 1, isTrusted)
  return [...near, ...targets.filter((entry) => !near.includes(entry))].slice(0, fanOut)
}

/** Queues a message of the application. One that would never fit is refused; of too many, the most sent go first. */
export const broadcastUser = (turn: Turn, { audience, key, payload }: Broadcast): Turn => {
  const { config, hostBroadcasts, userBroadcasts } = turn.state
  const queue = audience === "hosts" ? hostBroadcasts : userBroadcasts
  if (payload.length === 0) return dropped(turn, "emptyPayload")
  const bytes = config.encode({ _tag: "User", payload })
  if (!fits(turn.state, bytes)) return dropped(turn, "broadcastTooLarge")
  Broadcasts.enqueue(queue, key, bytes)
  const pruned = Broadcasts.prune(queue, config.limits.userBroadcastsMax)
  for (let i = 0; i < pruned; i++) dropped(turn, "broadcastLimit")
  return turn
}
