/**
 * Roll call: pings all members at once when one probe suggests that several are out of reach.
 *
 * Probing finds one silent member at a time, slower by a host that doubts itself: it would take minutes on the smaller
 * side of a cut, where most are silent. When neither a probe's target nor its helpers answer, all unsuspected members
 * are pinged: directly, then over TCP and through some that answered. Silent members are suspected.
 *
 * On that side, reachable members also seldom probe each other. So a host that heard no datagram for a probe interval
 * pings some unsuspected members: while they answer, it knows that it is not deaf, and its suspicions run on.
 * Limits: `askedMax` members at a time; one roll call in 5 probe intervals, or in 60 after a mistaken one.
 */
import type { Ping } from "../memberlist/Message.ts"
import * as Deadlines from "./Deadlines.ts"
import { isDeaf } from "./Hearing.ts"
import { answersTcpPings, type Member } from "./Member.ts"
import type * as Members from "./Members.ts"
import { ownSource, recipient, send, sendBare } from "./Packets.ts"
import { choose, shuffle } from "./Sampling.ts"
import { arm, nextSeq, type Turn } from "./State.ts"
import { suspect } from "./Suspect.ts"

/** Members that are pinged at a time. */
const askedMax = 16

/** Probe intervals between two roll calls: in general, and if most members accused in the last one turned out alive. */
const pauseRounds = { least: 5, most: 60 } as const

/** Members that are pinged by a host that hears nobody. */
const listenedMax = 3

/**
 * Starts a roll call after a failed probe, if `missed` helpers were silent and the last roll call is long enough ago.
 * In a cluster larger than `askedMax` one helper is not enough: it may have died with the target.
 */
export const callRoll = (turn: Turn, missed: number): Turn => {
  const { now, random, state } = turn
  const { config, members, rollCall, self } = state
  if (missed < (members.live - 1 > askedMax ? 2 : 1)) return turn
  const { accused } = rollCall
  const isMistaken = accused.filter(({ member }) => member.status === "alive").length * 2 > accused.length
  const rounds = isMistaken ? pauseRounds.most : pauseRounds.least
  const pauseMillis = rounds * config.settings.probeIntervalMillis
  const isUnderWay = rollCall.waiting.length > 0 || rollCall.asked.size > 0
  if (!config.rules.cuts || isUnderWay || now - rollCall.beganAt < pauseMillis) return turn
  rollCall.beganAt = now
  rollCall.heard.length = 0
  accused.length = 0
  for (const entry of members.order) if (entry !== self) rollCall.waiting.push(entry)
  shuffle(random, rollCall.waiting)
  return askMore(turn)
}

const askMore = (turn: Turn): Turn => {
  const { rollCall } = turn.state
  while (rollCall.asked.size < askedMax) {
    const entry = rollCall.waiting.pop()
    if (entry === undefined) return turn
    if (entry.member.status !== "alive") continue
    // Bare: most piggyback would be lost.
    sendBare(turn, entry.member, [ask(turn, entry.member)])
  }
  return turn
}

/** Makes a ping and awaits its ack. */
const ask = (turn: Turn, target: Member): Ping => {
  const { config, rollCall } = turn.state
  const seq = nextSeq(turn.state)
  const deadline = arm(turn, config.settings.probeTimeoutMillis, { _tag: "RollCallTimeout", seq })
  rollCall.asked.set(seq, { target, deadline })
  return { _tag: "Ping", seq, node: target.name, ...ownSource(turn.state) }
}

/** Pings some members, at the time of a probe, if no datagram came in since the last one. */
export const listen = (turn: Turn): Turn => {
  const { now, random, state } = turn
  const { config, heardAt, members, rollCall, self } = state
  const isQuiet = now - heardAt >= config.settings.probeIntervalMillis
  if (!config.rules.cuts || !isQuiet || rollCall.asked.size > 0) return turn
  rollCall.heard.length = 0
  const isTrusted = (entry: Members.Entry): boolean => entry !== self && entry.member.status === "alive"
  for (const { member } of choose(random, members.order, listenedMax, isTrusted))
    send(turn, recipient(member), ask(turn, member))
  return turn
}

/** Handles a missing ack: pings the member over TCP, and through others. */
export const rollCallTimeout = (turn: Turn, seq: number): Turn => {
  const { config, rollCall } = turn.state
  const asked = rollCall.asked.get(seq)
  if (asked === undefined) return turn
  const { target } = asked
  const { indirectChecks, probeIntervalMillis, probeTimeoutMillis, tcpPings } = config.settings
  const { address, name } = target
  const request = {
    _tag: "IndirectPing",
    seq,
    target: address.bytes,
    port: address.port,
    node: name,
    nack: false
  } as const
  for (const { member } of choose(turn.random, rollCall.heard, indirectChecks, () => true))
    send(turn, recipient(member), { ...request, ...ownSource(turn.state) })
  const timeoutMillis = probeIntervalMillis - probeTimeoutMillis
  asked.deadline = arm(turn, timeoutMillis, { _tag: "RollCallDeadline", seq })
  if (tcpPings && answersTcpPings(target)) turn.outputs.push({ _tag: "TcpPing", to: address, seq, name, timeoutMillis })
  return turn
}

/** Handles an ack, or an answer over TCP. */
export const rollCallAnswered = (turn: Turn, seq: number): Turn => {
  const { deadlines, members, rollCall } = turn.state
  const asked = rollCall.asked.get(seq)
  if (asked === undefined) return turn
  Deadlines.cancel(deadlines, asked.deadline)
  rollCall.asked.delete(seq)
  turn.state.unanswered = 0
  const entry = members.byName.get(asked.target.name)
  if (entry !== undefined) rollCall.heard.push(entry)
  return askMore(turn)
}

/** Handles a silent member: suspects it, unless this host is deaf. */
export const rollCallDeadline = (turn: Turn, seq: number): Turn => {
  const { config, members, rollCall } = turn.state
  const asked = rollCall.asked.get(seq)
  if (asked === undefined) return turn
  rollCall.asked.delete(seq)
  const { incarnation, name } = asked.target
  const entry = members.byName.get(name)
  if (entry !== undefined && !isDeaf(turn, Number.POSITIVE_INFINITY)) {
    rollCall.accused.push(entry)
    turn.outputs.push({ _tag: "Probed", name, outcome: "failed", roundTripMillis: undefined })
    suspect(turn, { _tag: "Suspect", incarnation, node: name, from: config.name })
  }
  return askMore(turn)
}
