/** State of one host's membership protocol, and the current step. */
import type { Address } from "../Address.ts"
import * as Buckets from "../Buckets.ts"
import type { PacketMessage } from "../memberlist/Message.ts"
import * as Awareness from "./Awareness.ts"
import * as Broadcasts from "./Broadcasts.ts"
import type { Config } from "./Config.ts"
import * as Deadlines from "./Deadlines.ts"
import * as Forgotten from "./Forgotten.ts"
import type { Env } from "./Input.ts"
import type { Member, Recipient } from "./Member.ts"
import * as Members from "./Members.ts"
import type { DropReason, Output } from "./Output.ts"
import { below } from "./Sampling.ts"
import * as Standing from "./Standing.ts"
import * as Strangers from "./Strangers.ts"
import type { Suspicion } from "./Suspicion.ts"
import { nextTick, type Timer } from "./Timer.ts"

/** The probe in progress. */
export interface Probe {
  readonly seq: number
  /** The target as it was when the probe began. */
  readonly target: Member
  readonly startedAt: number
  timeout: Deadlines.Deadline<Timer>
  deadline: Deadlines.Deadline<Timer>
  /** Whether helpers were asked, so that an ack no longer tells the round trip. */
  isIndirect: boolean
  nacksExpected: number
  /** Helpers that sent a nack. */
  readonly nacks: Set<string>
  isAnsweredByTcp: boolean
  /** Whether it follows an answered probe, under `Rules.doubleProbes`. */
  readonly isSecond: boolean
}

/** A member of a roll call without an answer so far. */
export interface Asked {
  readonly target: Member
  /** Time of the TCP ping, then the end of the wait. */
  deadline: Deadlines.Deadline<Timer>
}

export interface RollCall {
  /** Members yet to be pinged. */
  readonly waiting: Array<Members.Entry>
  /** By the sequence number of the ping. */
  readonly asked: Map<number, Asked>
  /** Members that have answered: helpers for the silent ones. */
  readonly heard: Array<Members.Entry>
  /** Members accused in the last roll call. */
  readonly accused: Array<Members.Entry>
  beganAt: number
}

/** A ping carried for another host. */
export interface Relay {
  /** The sequence number of the requester. */
  readonly seq: number
  readonly to: Recipient
  readonly wantsNack: boolean
  readonly deadline: Deadlines.Deadline<Timer>
}

export interface State {
  readonly config: Config
  /** When this state was made. */
  readonly startedAt: number
  readonly members: Members.Members
  readonly self: Members.Entry
  readonly forgotten: Forgotten.Forgotten
  readonly strangers: Strangers.Strangers
  readonly deadlines: Deadlines.Deadlines<Timer>
  readonly memberBroadcasts: Broadcasts.Broadcasts
  readonly userBroadcasts: Broadcasts.Broadcasts
  /** Application messages for hosts alone. */
  readonly hostBroadcasts: Broadcasts.Broadcasts
  readonly awareness: Awareness.Awareness
  readonly relays: Map<number, Relay>
  readonly relayLimit: Buckets.Buckets
  readonly learnLimit: Buckets.Buckets
  readonly challengeLimit: Buckets.Buckets
  readonly answerLimit: Buckets.Buckets
  readonly startOverLimit: Buckets.Buckets
  seq: number
  probe: Probe | undefined
  readonly rollCall: RollCall
  /** A probe tick came during a probe; at most one is kept. */
  isProbeDue: boolean
  leaving: "no" | "telling" | "done"
  /** Suspects and contested members to be probed out of turn, and whether the last probe was such a one. */
  readonly rechecks: Array<Members.Entry>
  isRecheck: boolean
  /** The next gossip round. */
  gossip: Deadlines.Deadline<Timer> | undefined
  /** The next push/pull that this host begins. */
  pushPull: Deadlines.Deadline<Timer> | undefined
  /** Members that arrived in the current window, its start, and whether they were a third of all. */
  readonly arrivals: { count: number; sinceMillis: number; isCrowd: boolean }
  /** When a datagram last came in. */
  heardAt: number
  /** Failed probes since the last datagram, or the last answer over TCP. */
  unanswered: number
  /** Whether a push/pull has shown what the cluster remembers of this host's name. */
  isRecognized: boolean
  readonly standing: Standing.Standing
}

/** One step: the state, the time, and the outputs so far. */
export interface Turn {
  readonly state: State
  readonly now: number
  readonly random: () => number
  readonly outputs: Array<Output>
  /** Greatest step above this host's incarnation of a message about itself. */
  readonly ownJumpMax: number
  /** Source address of the input, if known: strangers in it count against this address. */
  readonly teller: string
  /** Address that has answered in this step: a name there needs no other proof. */
  proven: Address | undefined
  /** An accuser was answered: at most one is per step. */
  hasAnswered: boolean
}

export const dropped = (turn: Turn, reason: DropReason, detail?: string): Turn => {
  turn.outputs.push({ _tag: "Dropped", reason, ...(detail !== undefined && { detail }) })
  return turn
}

/** Queues a membership message under the name of its member. */
export const broadcast = (state: State, about: string, message: PacketMessage): void =>
  Broadcasts.enqueue(state.memberBroadcasts, about, state.config.encode(message))

/** Ends a suspicion, if any. */
export const clearSuspicion = (state: State, entry: Members.Entry): void => {
  if (entry.suspicion === undefined) return
  Deadlines.cancel(state.deadlines, entry.suspicion.deadline)
  entry.suspicion = undefined
}

/** Returns how long before the end of a suspicion the suspect is asked for its last word. */
export const leadMillis = ({ config }: State, suspicion: Pick<Suspicion<Timer>, "isAsked">): number =>
  config.rules.lastWord && !suspicion.isAsked ? config.settings.probeTimeoutMillis : 0

/** Changes the end of a suspicion. */
export const rearmSuspicion = (state: State, suspicion: Suspicion<Timer>, atMillis: number): void => {
  const { deadline } = suspicion
  Deadlines.cancel(state.deadlines, deadline)
  suspicion.deadline = Deadlines.arm(state.deadlines, atMillis - leadMillis(state, suspicion), deadline.value)
}

const isInUse = ({ probe, relays, rollCall, strangers }: State, seq: number): boolean =>
  relays.has(seq) || rollCall.asked.has(seq) || strangers.asked.has(seq) || probe?.seq === seq

/** Returns a sequence number that no pending ping uses. */
export const nextSeq = (state: State): number => {
  do state.seq = (state.seq + 1) >>> 0
  while (isInUse(state, state.seq))
  return state.seq
}

/** Draws a sequence number that cannot be guessed from others. */
export const drawSeq = ({ random, state }: Turn): number => {
  let seq = below(random, 2 ** 32)
  while (isInUse(state, seq)) seq = (seq + 1) >>> 0
  return seq
}

/** Arms a timer `afterMillis` from now. */
export const arm = (turn: Turn, afterMillis: number, timer: Timer): Deadlines.Deadline<Timer> =>
  Deadlines.arm(turn.state.deadlines, turn.now + afterMillis, timer)

/** Arms the next tick of a loop. */
export const rearm = (turn: Turn, due: Deadlines.Deadline<Timer>, intervalMillis: number): Deadlines.Deadline<Timer> =>
  Deadlines.arm(turn.state.deadlines, nextTick(due.atMillis, intervalMillis, turn.now), due.value)

/** Runs the next gossip round at once, unless the last one was less than an eighth of its interval ago. */
export const hurry = (turn: Turn): void => {
  const { config, deadlines, gossip } = turn.state
  if (gossip === undefined || gossip.index < 0) return
  const lastAt = gossip.atMillis - config.settings.gossipIntervalMillis
  if (turn.now - lastAt < config.settings.gossipIntervalMillis / 8) return
  Deadlines.cancel(deadlines, gossip)
  turn.state.gossip = Deadlines.arm(deadlines, turn.now, gossip.value)
}

/** Makes the `alive` message of a host. */
export const aliveOf = (member: Member): PacketMessage => ({
  _tag: "Alive",
  incarnation: member.incarnation,
  node: member.name,
  address: member.address.bytes,
  port: member.address.port,
  meta: member.meta,
  versions: member.versions
})

/** Makes the state of a starting host: alone, at incarnation 1, its alive queued, its loops armed at random offsets. */
export const make = (config: Config, env: Env): State => {
  const { limits, rules, settings } = config
  const members = Members.make()
  const { address, meta, name, versions } = config
  const self = Members.add(
    members,
    { name, address, meta, versions, incarnation: 1, status: "alive", changedAt: env.now },
    env.random
  )
  const seq = below(env.random, 2 ** 32)
  const state: State = {
    config,
    startedAt: env.now,
    members,
    self,
    forgotten: Forgotten.make(),
    strangers: Strangers.make(limits, env.now),
    deadlines: Deadlines.make(),
    memberBroadcasts: Broadcasts.make(),
    userBroadcasts: Broadcasts.make(),
    hostBroadcasts: Broadcasts.make(),
    awareness: Awareness.make(rules.awareness ? settings.awarenessMaxMultiplier : 1),
    relays: new Map(),
    relayLimit: Buckets.make(limits.relaysPerSecondPerSource),
    learnLimit: Buckets.make(limits.learnedPerSecondPerSource),
    challengeLimit: Buckets.make(1),
    answerLimit: Buckets.make(1),
    startOverLimit: Buckets.make(1),
    seq,
    probe: undefined,
    rollCall: { waiting: [], asked: new Map(), heard: [], accused: [], beganAt: Number.NEGATIVE_INFINITY },
    isProbeDue: false,
    leaving: "no",
    rechecks: [],
    isRecheck: false,
    gossip: undefined,
    pushPull: undefined,
    arrivals: { count: 0, sinceMillis: Number.NEGATIVE_INFINITY, isCrowd: false },
    heardAt: env.now,
    unanswered: 0,
    isRecognized: false,
    standing: Standing.make(seq, config.isAwaited && config.rules.twins)
  }
  broadcast(state, name, aliveOf(self.member))
  const within = (intervalMillis: number): number => env.now + env.random() * intervalMillis
  Deadlines.arm(state.deadlines, within(settings.probeIntervalMillis), { _tag: "ProbeTick" })
  if (settings.gossipIntervalMillis > 0 && settings.fanOut > 0)
    state.gossip = Deadlines.arm(state.deadlines, within(settings.gossipIntervalMillis), { _tag: "GossipTick" })
  if (settings.pushPullIntervalMillis > 0)
    state.pushPull = Deadlines.arm(
      state.deadlines,
      within(settings.pushPullIntervalMillis) + settings.pushPullIntervalMillis,
      { _tag: "PushPullTick" }
    )
  return state
}
