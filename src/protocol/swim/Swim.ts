/**
 * SWIM membership as memberlist speaks it: a state machine without I/O.
 *
 * Inputs are time, randomness and messages; outputs are datagrams, exchanges and changes. The driver calls `step` for
 * each input and at `nextDeadline`; equal inputs, times and random numbers give equal outputs. The state belongs to the
 * machine, which changes it in place.
 * Source: memberlist-wire.md, sections 11 to 16 and 18; faults.md, U11 to U22.
 */
import type { Address } from "../Address.ts"
import * as Buckets from "../Buckets.ts"
import type { PacketMessage, Ping } from "../memberlist/Message.ts"
import { alive } from "./Alive.ts"
import { answer } from "./Answer.ts"
import { strangerDue, strangersTick } from "./Ask.ts"
import { checkClaim } from "./Claim.ts"
import * as Deadlines from "./Deadlines.ts"
import { askGone, leaveDue } from "./Farewell.ts"
import { broadcastUser, gossipTick } from "./GossipRound.ts"
import { hearDeath } from "./HearDeath.ts"
import { hear, latenessMillisMax, wake } from "./Hearing.ts"
import type { Env, Input } from "./Input.ts"
import { checkLeave, leave } from "./Leave.ts"
import { isGone, type Member } from "./Member.ts"
import { merge, ownReach } from "./Merge.ts"
import type { Output } from "./Output.ts"
import { isSamePlace, replyTo, send, sendBare } from "./Packets.ts"
import { probeAcked, probeDeadline, probeNacked, probeTick, probeTimeout, tcpPingAnswered } from "./Probe.ts"
import { isAsked, prove } from "./Proof.ts"
import { pushPullTick } from "./PushPull.ts"
import { claimDue } from "./Reclaim.ts"
import { relay, relayAcked, relayExpired } from "./Relay.ts"
import * as Rivalry from "./Rivalry.ts"
import { rollCallAnswered, rollCallDeadline, rollCallTimeout } from "./RollCall.ts"
import { dropped, type State, type Turn } from "./State.ts"
import { tellerOf } from "./Strangers.ts"
import { suspect, suspicionExpired } from "./Suspect.ts"
import type { Timer } from "./Timer.ts"
import { updateMeta } from "./Update.ts"
import { grow } from "./Youth.ts"

export type { Env, Input } from "./Input.ts"
export type { Member, Status } from "./Member.ts"
export { localNodes } from "./Merge.ts"
export type { Change, DropReason, Output } from "./Output.ts"
export { make, type State } from "./State.ts"

/** Applies one input and returns the outputs. */
export const step = (state: State, input: Input, env: Env): ReadonlyArray<Output> => {
  if (state.standing.isLost) return []
  const ownJumpMax = ownReach(state, input._tag === "Merge" && input.join)
  const teller = tellerOf(
    input._tag === "Merge" ? (input.from ?? input.peer) : input._tag === "Received" ? input.from : undefined
  )
  const proven = input._tag === "Merge" ? input.from : undefined
  const { now, random } = env
  const turn: Turn = { state, now, random, outputs: [], ownJumpMax, teller, proven, hasAnswered: false }
  handle(turn, input)
  checkLeave(turn)
  return turn.outputs
}

/** Returns when the next `Tick` is due, in the milliseconds of `Env.now`. */
export const nextDeadline = ({ deadlines, standing }: State): number =>
  standing.isLost ? Number.POSITIVE_INFINITY : Deadlines.next(deadlines)

/** Yields all members on the list, dead ones not yet reaped and this host included. */
export function* members(state: State): Iterable<Member> {
  for (const { member } of state.members.byName.values()) yield member
}

export const member = (state: State, name: string): Member | undefined => state.members.byName.get(name)?.member

/** Returns the health score: 0 is healthy. */
export const health = (state: State): number => state.awareness.score

const handle = (turn: Turn, input: Input): Turn => {
  switch (input._tag) {
    case "Received":
      hear(turn)
      return receiveAll(turn, input)
    case "Tick":
      return fireDue(turn)
    case "Merge":
      turn.state.unanswered = 0
      return merge(grow(turn, input.nodes, input.from), input.nodes, input.isPart)
    case "TcpPingAnswered":
      if (isAsked(turn.state, input.seq)) return prove(turn, input.seq)
      return isCalled(turn, input.seq) ? rollCallAnswered(turn, input.seq) : tcpPingAnswered(turn, input.seq)
    case "Broadcast":
      return broadcastUser(turn, input)
    case "UpdateMeta":
      return Rivalry.spread(updateMeta(turn, input.meta))
    case "Move":
      return Rivalry.move(turn, input.address)
    case "TwinAnswered":
      return Rivalry.hearTwin(turn, input.address, input.answer)
    case "TwinAsked":
      return Rivalry.hearElsewhere(turn, input.address, 0)
    case "Begin":
      turn.state.standing.isStarting = false
      return turn
    case "Leave":
      return leave(turn)
  }
}

const isCalled = ({ state }: Turn, seq: number): boolean => state.rollCall.asked.has(seq)

/** Applies the messages of a datagram. A second message that asks for an answer is dropped: peers send one at most. */
const receiveAll = (turn: Turn, { from, messages }: Extract<Input, { readonly _tag: "Received" }>): Turn => {
  let hasAsked = false
  for (const message of messages) {
    const asks = message._tag === "Ping" || message._tag === "IndirectPing"
    if (asks && hasAsked) dropped(turn, "requestLimit")
    else receive(turn, from, message)
    hasAsked ||= asks
  }
  return turn
}

const receive = (turn: Turn, from: Address, message: PacketMessage): Turn => {
  switch (message._tag) {
    case "Ping":
      if (message.node !== "" && message.node !== turn.state.config.name) return dropped(turn, "wrongTarget")
      if (message.node !== "" && message.sourceNode !== message.node) Rivalry.know(turn)
      return tellGone(acknowledge(turn, from, message), from, message.sourceNode)
    case "IndirectPing":
      return relay(turn, from, message)
    case "Ack":
      if (isAsked(turn.state, message.seq)) return prove(turn, message.seq)
      if (turn.state.relays.has(message.seq)) return relayAcked(turn, message.seq)
      return isCalled(turn, message.seq) ? rollCallAnswered(turn, message.seq) : probeAcked(turn, message.seq)
    case "Nack":
      return probeNacked(turn, from, message.seq)
    case "Suspect":
      suspect(turn, message)
      return message.node === turn.state.config.name ? answer(turn, message.from) : turn
    case "Alive":
      return alive(turn, message, from)
    case "Dead":
      hearDeath(turn, message)
      return message.node === turn.state.config.name ? answer(turn, message.from) : turn
    case "User":
      if (message.payload.length === 0) return dropped(turn, "emptyPayload")
      turn.outputs.push({ _tag: "Deliver", payload: message.payload })
      return turn
  }
}

/** Tells a member that pings and counts as gone, so that it refutes to all members. */
const tellGone = (turn: Turn, from: Address, name: string): Turn => {
  const { answerLimit, config, members, self } = turn.state
  const entry = members.byName.get(name)
  if (!config.rules.lastWord || entry === undefined || entry === self || !isGone(entry.member)) return turn
  const { member } = entry
  if (!isSamePlace(member.address, from) || !Buckets.take(answerLimit, name, turn.now)) return turn
  return sendBare(turn, member, askGone(turn, name, member.incarnation))
}

const noPayload = new Uint8Array(0)

const acknowledge = (turn: Turn, from: Address, ping: Ping): Turn => {
  const ack = { _tag: "Ack", seq: ping.seq, payload: noPayload } as const
  return send(turn, replyTo(turn.state, from, ping), ack)
}

const fireDue = (turn: Turn): Turn => {
  const { config, deadlines } = turn.state
  const latenessMillis = turn.now - Deadlines.next(deadlines)
  if (config.rules.lateness && latenessMillis > latenessMillisMax(config)) wake(turn, latenessMillis)
  for (let due = Deadlines.takeDue(deadlines, turn.now); due !== undefined; ) {
    fire(turn, due)
    due = Deadlines.takeDue(deadlines, turn.now)
  }
  return turn
}

const fire = (turn: Turn, due: Deadlines.Deadline<Timer>): Turn => {
  switch (due.value._tag) {
    case "ProbeTick":
      return probeTick(turn, due)
    case "ProbeTimeout":
      return probeTimeout(turn)
    case "ProbeDeadline":
      return probeDeadline(turn)
    case "RollCallTimeout":
      return rollCallTimeout(turn, due.value.seq)
    case "RollCallDeadline":
      return rollCallDeadline(turn, due.value.seq)
    case "RelayExpired":
      return relayExpired(turn, due.value.seq)
    case "SuspicionExpired":
      return suspicionExpired(turn, due.value.name)
    case "LeaveDue":
      return leaveDue(turn, due.value.name)
    case "StrangerDue":
      return strangerDue(turn, due.value.seq)
    case "StrangersTick":
      return strangersTick(turn)
    case "GossipTick":
      return gossipTick(turn, due)
    case "PushPullTick":
      return pushPullTick(turn)
    case "StandingTick":
      return Rivalry.standingTick(turn)
    case "ClaimDue":
      return claimDue(turn, due.value.name)
    case "ClaimCheck":
      return checkClaim(turn, due.value.name)
  }
}
