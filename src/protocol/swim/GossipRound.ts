/**
 * The gossip round: sends queued broadcasts to a few random members, and bounds the messages of programs that wait.
 * Source: memberlist-wire.md, sections 14.2 and 14.3.
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

/** Time after a leave in which gossip still reaches the member, in probe intervals. */
const leftRounds = 5

/** Runs a gossip round. Targets may get different messages: each gets the first of the queue at its turn. */
export const gossipTick = (turn: Turn, due: Deadline<Timer>): Turn => {
  const { config, members, self } = turn.state
  const { fanOut, gossipIntervalMillis, gossipToTheDeadMillis } = config.settings
  turn.state.gossip = rearm(turn, due, gossipIntervalMillis)
  const audience = audienceOf(turn.state)
  if (audience === undefined) return turn
  // A member wrongly said to have left must hear of it to refute.
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

/** Chooses targets, all but one of them unsuspected: on the smaller side of a cut most members are out of reach. */
const chooseTargets = (turn: Turn, fanOut: number, isOther: (entry: Members.Entry) => boolean) => {
  const { order } = turn.state.members
  const isTrusted = (entry: Members.Entry): boolean => isOther(entry) && entry.member.status === "alive"
  const targets = choose(turn.random, order, fanOut, isOther)
  if (targets.filter(isTrusted).length >= fanOut - 1) return targets
  const near = choose(turn.random, order, fanOut - 1, isTrusted)
  return [...near, ...targets.filter((entry) => !near.includes(entry))].slice(0, fanOut)
}

/** Queues an application message. Refuses one too large for a datagram; beyond the limit drops the most sent first. */
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
