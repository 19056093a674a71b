/**
 * Probing: one member per interval, directly, then through helpers and TCP.
 * Source: memberlist-wire.md, sections 13.2 and 13.3.
 */
import { type Address, format } from "../Address.ts"
import type { Ping } from "../memberlist/Message.ts"
import * as Awareness from "./Awareness.ts"
import { isContested } from "./Claim.ts"
import * as Deadlines from "./Deadlines.ts"
import { isDeaf } from "./Hearing.ts"
import { answersTcpPings, isGone, type Member, sendsNacks } from "./Member.ts"
import * as Members from "./Members.ts"
import type { Output } from "./Output.ts"
import { ownSource, recipient, send, sendBare } from "./Packets.ts"
import { nextRound } from "./Reap.ts"
import { callRoll, listen } from "./RollCall.ts"
import { choose } from "./Sampling.ts"
import { noteSolitude } from "./Solitude.ts"
import { arm, nextSeq, type Probe, rearm, type Turn } from "./State.ts"
import { suspect } from "./Suspect.ts"
import type { Timer } from "./Timer.ts"

/** Starts the next probe, or lets it follow at once on a probe that is still in progress. */
export const probeTick = (turn: Turn, due: Deadlines.Deadline<Timer>): Turn => {
  rearm(turn, due, turn.state.config.settings.probeIntervalMillis)
  noteSolitude(turn)
  listen(turn)
  if (turn.state.probe === undefined) probeNext(turn)
  else turn.state.isProbeDue = true
  return turn
}

/** Takes a suspect or contested member to probe out of turn, at most one after each probe in turn. */
const nextRecheck = (turn: Turn): Member | undefined => {
  const { state } = turn
  state.isRecheck = !state.isRecheck
  if (!state.isRecheck) return undefined
  for (let entry = state.rechecks.shift(); entry !== undefined; entry = state.rechecks.shift())
    if (entry.suspicion !== undefined || isContested(turn, entry)) return entry.member
  state.isRecheck = false
  return undefined
}

/** Probes the next alive or suspect member of the probe order; the end of a round counts as one skipped. */
const probeNext = (turn: Turn, isSecond = false): Turn => {
  const { members, self } = turn.state
  const suspected = nextRecheck(turn)
  if (suspected !== undefined) return start(turn, suspected, isSecond)
  let skipped = 0
  while (skipped < Members.count(members)) {
    const entry = members.order[members.probeIndex]
    if (entry === undefined) {
      nextRound(turn)
      skipped += 1
      continue
    }
    members.probeIndex += 1
    if (entry !== self && !isGone(entry.member)) return start(turn, entry.member, isSecond)
    skipped += 1
  }
  return turn
}

const start = (turn: Turn, target: Member, isSecond: boolean): Turn => {
  const { awareness, config } = turn.state
  const { probeIntervalMillis, probeTimeoutMillis } = config.settings
  const seq = nextSeq(turn.state)
  const interval = Awareness.scale(awareness, probeIntervalMillis)
  const timeout = config.rules.scaledTimeout ? Awareness.scale(awareness, probeTimeoutMillis) : probeTimeoutMillis
  turn.state.probe = {
    seq,
    target,
    startedAt: turn.now,
    timeout: arm(turn, Math.min(timeout, interval), { _tag: "ProbeTimeout" }),
    deadline: arm(turn, interval, { _tag: "ProbeDeadline" }),
    isIndirect: false,
    nacksExpected: 0,
    nacks: new Set(),
    isAnsweredByTcp: false,
    isSecond
  }
  const ping: Ping = { _tag: "Ping", seq, node: target.name, ...ownSource(turn.state) }
  if (target.status === "alive" || !config.rules.buddy) return send(turn, recipient(target), ping)
  // A probe tells a suspect of the suspicion, so that it can refute at once.
  const { incarnation, name } = target
  return sendBare(turn, target, [ping, { _tag: "Suspect", incarnation, node: name, from: config.name }])
}

/** Handles a missing ack: asks helpers for indirect probes, and pings the target over TCP. */
export const probeTimeout = (turn: Turn): Turn => {
  const { config, members, probe, self } = turn.state
  if (probe === undefined) return turn
  probe.isIndirect = true
  const { seq, target } = probe
  const { indirectChecks, tcpPings } = config.settings
  const helpers = choose(
    turn.random,
    members.order,
    indirectChecks,
    (entry) => entry !== self && entry.member.name !== target.name && entry.member.status === "alive"
  )
  for (const { member } of helpers) {
    const nack = config.rules.awareness && sendsNacks(member)
    if (nack) probe.nacksExpected += 1
    const { address, name } = target
    const where = { target: address.bytes, port: address.port, node: name }
    send(turn, recipient(member), { _tag: "IndirectPing", seq, ...where, nack, ...ownSource(turn.state) })
  }
  if (!tcpPings || !answersTcpPings(target)) return turn
  const timeoutMillis = probe.deadline.atMillis - turn.now
  turn.outputs.push({ _tag: "TcpPing", to: target.address, seq, name: target.name, timeoutMillis })
  return turn
}

/**
 * Handles an ack of the current probe, from the target or a helper; other acks are ignored. While anybody is suspected a
 * second probe follows: members tend to fail together, and each host else finds at most one of them in an interval.
 */
export const probeAcked = (turn: Turn, seq: number): Turn => {
  const { config, members, probe } = turn.state
  if (probe === undefined || probe.seq !== seq) return turn
  // After an indirect probe the ack may be a helper's, which proves nothing about the target's address.
  const entry = probe.isIndirect ? undefined : members.byName.get(probe.target.name)
  if (entry !== undefined) entry.ackedAt = probe.target.address
  const roundTripMillis = probe.isIndirect ? undefined : turn.now - probe.startedAt
  finish(turn, probe, { outcome: "acked", roundTripMillis, delta: -1 })
  const isDouble = config.rules.doubleProbes && members.suspects > 0 && !probe.isSecond
  return isDouble && turn.state.probe === undefined ? probeNext(turn, true) : turn
}

/** Handles a nack of a helper; repeated nacks of one helper count once. */
export const probeNacked = (turn: Turn, from: Address, seq: number): Turn => {
  const { probe } = turn.state
  if (probe !== undefined && probe.seq === seq && probe.nacks.size < probe.nacksExpected) probe.nacks.add(format(from))
  return turn
}

export const tcpPingAnswered = (turn: Turn, seq: number): Turn => {
  const { probe } = turn.state
  if (probe !== undefined && probe.seq === seq) probe.isAnsweredByTcp = true
  return turn
}

/** Ends a probe without an ack. */
export const probeDeadline = (turn: Turn): Turn => {
  const { awareness, config, probe } = turn.state
  if (probe === undefined) return turn
  const { isAnsweredByTcp, nacks, nacksExpected, target } = probe
  const roundTripMillis = undefined
  if (isAnsweredByTcp) {
    turn.state.unanswered = 0
    return finish(turn, probe, { outcome: "tcpOnly", roundTripMillis, delta: -1 })
  }
  turn.state.unanswered += 1
  // A helper without even a nack speaks against this host's own link.
  const missed = nacksExpected - nacks.size
  const delta = config.rules.failureCounts || nacksExpected === 0 ? missed + 1 : missed
  // If no datagram came since, the fault counts as this host's own until its health score is at the maximum.
  const isOurs = nacksExpected > 0 && awareness.score < awareness.max && isDeaf(turn, Number.POSITIVE_INFINITY)
  const { incarnation, name } = target
  if (!isOurs) suspect(turn, { _tag: "Suspect", incarnation, node: name, from: config.name })
  callRoll(turn, missed)
  return finish(turn, probe, { outcome: "failed", roundTripMillis, delta })
}

type Result = Pick<Extract<Output, { _tag: "Probed" }>, "outcome" | "roundTripMillis"> & { readonly delta: number }

const finish = (turn: Turn, probe: Probe, { delta, outcome, roundTripMillis }: Result): Turn => {
  const { awareness, deadlines } = turn.state
  Deadlines.cancel(deadlines, probe.timeout)
  Deadlines.cancel(deadlines, probe.deadline)
  Awareness.apply(awareness, delta)
  turn.outputs.push({ _tag: "Probed", name: probe.target.name, outcome, roundTripMillis })
  turn.state.probe = undefined
  if (!turn.state.isProbeDue) return turn
  turn.state.isProbeDue = false
  return probeNext(turn)
}
