/**
 * Handles a rival: another address that is known by this host's name.
 *
 * The address may be that of a former life, whose end is not yet known: then the host gossips its own address every
 * second, until it is known. Or a process there has the same name: the two compare claimants, and one gives the name
 * up. Until a host is known its user messages wait, so that nothing is taken from a healthy host of the name.
 * Limits: one question and one announcement per second; a starting host asks five and announces nothing. A host that
 * was known gives up only after eight probe intervals of such answers: the members that know it may change meanwhile.
 * Source: design.md, laws 7 and 9; faults.md, P7, P8 and U20.
 */
import type { Address } from "../Address.ts"
import * as Buckets from "../Buckets.ts"
import type { PacketMessage } from "../memberlist/Message.ts"
import { isUnproven } from "./Beginning.ts"
import { isLive } from "./Member.ts"
import * as Members from "./Members.ts"
import { isSamePlace, sendBare } from "./Packets.ts"
import { choose } from "./Sampling.ts"
import type { Rival, Standing } from "./Standing.ts"
import { aliveOf, arm, broadcast, type State, type Turn } from "./State.ts"
import * as Twin from "./Twin.ts"
import { isJump } from "./Validity.ts"

/** Pause between announcements, and between questions. */
const repeatMillis = 1000
/** Pause between questions while a host starts, which is waited for. */
const startMillis = 200
/** Unanswered questions after which a starting host takes a rival for silent: a busy process may miss one. */
const silencesMax = 2
/** Time for which a rival counts after it was last mentioned. */
const saidMillisMax = 3000
/** Members that are told directly. */
const toldMax = 128
/** In probe intervals: how long being known counts, and how long a host that was known does not give up. */
const knownRounds = 20
const patienceRounds = 8
/** Time after a sleep in which datagrams from before it may still come in. */
const wakingMillis = 1000

/** Whether another member has shown, since this host's last sleep, that it knows this host. */
const wasKnown = ({ knownAt, wokeAt }: Standing): boolean => knownAt !== undefined && knownAt > wokeAt + wakingMillis

/** Whether another member has shown within `knownRounds` that it knows this host. */
const isKnown = ({ config, standing }: State, now: number): boolean =>
  wasKnown(standing) && now - (standing.knownAt ?? 0) < knownRounds * config.settings.probeIntervalMillis

/** Whether an exchange may carry application state: not while the name lives elsewhere. */
export const maySpeak = ({ standing }: State): boolean => !standing.isHeld

/** Whether this host only listens in an exchange: it joins, and must first hear whether its name is taken. */
export const isToListen = ({ config, standing }: State, isJoin: boolean): boolean =>
  config.rules.twins && isJoin && !standing.hasListened

/** Makes the claimant that this process presents to others of its name. */
export const claimant = (state: State, now: number): Twin.Claimant => ({
  bornAtMicros: state.config.bornAtMicros,
  life: state.standing.life,
  isKnown: isKnown(state, now),
  incarnation: state.self.member.incarnation
})

/** Notes that another member knows this host by its name and address. */
export const know = (turn: Turn): void => {
  const { rival } = turn.state.standing
  turn.state.standing.knownAt = turn.now
  turn.state.standing.isHeld = false
  if (rival === undefined || rival.isTold || !(rival.isOwn || rival.verdict === "silent")) return
  rival.isTold = true
  tellAll(turn, [aliveOf(turn.state.self.member)])
}

/** Sends messages directly to up to `toldMax` random live members, which gossip them. */
const tellAll = (turn: Turn, messages: ReadonlyArray<PacketMessage>): void => {
  const { members, self } = turn.state
  const others = choose(turn.random, members.order, toldMax, (entry) => entry !== self && isLive(entry.member))
  for (const { member } of others) sendBare(turn, member, messages)
}

/** Sends a new `alive` directly too: a member that gossip misses would hear of it a minute later. */
export const spread = (turn: Turn): Turn => {
  const { challengeLimit, config, leaving, self, standing } = turn.state
  if (leaving !== "no" || standing.isHeld || isUnproven(standing) || !config.rules.twins) return turn
  if (Buckets.take(challengeLimit, self.member.name, turn.now)) tellAll(turn, [aliveOf(self.member)])
  return turn
}

const pauseMillis = ({ standing }: State): number => (standing.isStarting ? startMillis : repeatMillis)

const setRival = (turn: Turn, address: Address, isOwn: boolean): Rival => {
  const { now, state } = turn
  if (state.standing.rival === undefined) arm(turn, pauseMillis(state), { _tag: "StandingTick" })
  const rival: Rival = {
    address: { bytes: address.bytes.slice(), port: address.port },
    saidAt: now,
    askedAt: Number.NEGATIVE_INFINITY,
    verdict: undefined,
    losses: 0,
    silences: 0,
    isTold: false,
    isOwn
  }
  state.standing.rival = rival
  return rival
}

/** Handles a message that puts this host's name at another address. */
export const hearElsewhere = (turn: Turn, address: Address, incarnation: number): Turn => {
  const { now, state } = turn
  const { config, leaving, self, standing } = state
  if (isSamePlace(address, self.member.address)) return turn
  turn.outputs.push({ _tag: "Conflict", existing: self.member, address })
  if (leaving !== "no" || !config.rules.twins) return turn
  const known = standing.rival
  const rival = known !== undefined && isSamePlace(known.address, address) ? known : setRival(turn, address, false)
  rival.saidAt = now
  if (!isKnown(state, now)) {
    standing.isHeld = true
    raise(turn, incarnation)
  }
  return ask(turn, rival)
}

const ask = (turn: Turn, rival: Rival): Turn => {
  if (turn.now - rival.askedAt < 0.9 * repeatMillis) return turn
  rival.askedAt = turn.now
  turn.outputs.push({ _tag: "AskTwin", to: rival.address })
  return turn
}

/** Raises the incarnation above `heard`, so that this host's next `alive` is news to members that know the rival. */
const raise = (turn: Turn, heard: number): void => {
  const { config, members, self } = turn.state
  const before = self.member
  const incarnation = heard + 1
  if (heard < before.incarnation || isJump(heard, before.incarnation, turn.ownJumpMax)) return
  if (incarnation > config.limits.incarnationFirstMax) return
  const member = { ...before, incarnation }
  Members.update(members, self, member)
  broadcast(turn.state, member.name, aliveOf(member))
  turn.outputs.push({ _tag: "Changed", member, from: before.status, change: "raised", updated: false, accusers: [] })
}

/** Handles the answer of a rival: undefined when no process of the name answered there. */
export const hearTwin = (turn: Turn, address: Address, answer: Twin.Answer | undefined): Turn => {
  const { now, state } = turn
  const { config, leaving, standing } = state
  const { rival } = standing
  standing.hasAsked = true
  if (leaving !== "no" || rival === undefined || !isSamePlace(rival.address, address)) return turn
  const own = claimant(state, now)
  if (answer !== undefined && answer !== "foreign" && Twin.isSame(own, answer)) {
    if (!rival.isOwn) announce(turn)
    rival.isOwn = true
    rival.verdict = "keeps"
    return turn
  }
  rival.silences = answer === undefined ? rival.silences + 1 : 0
  // An answer shows where the rival is, as a mention does.
  if (answer !== undefined && answer !== "foreign") rival.saidAt = now
  if (answer === undefined || !Twin.yields(own, answer)) {
    rival.losses = Math.max(0, rival.losses - 1)
    rival.verdict = answer === undefined ? silence(standing, rival) : "keeps"
    // The next answer may differ soon: in whether the rival is known, or there at all.
    rival.askedAt = Math.min(rival.askedAt, now - 0.9 * repeatMillis + 0.9 * pauseMillis(state))
    // Above the rival's incarnation, so that the rival's leave is not taken for this host's.
    if (answer !== undefined && answer !== "foreign") raise(turn, answer.incarnation)
    return turn
  }
  rival.losses += 1
  rival.verdict = "losing"
  const isKnownThere = answer === "foreign" || answer.isKnown
  const patienceMillis = patienceRounds * config.settings.probeIntervalMillis
  const lossesMax = wasKnown(standing) && !standing.isStarting ? patienceMillis / repeatMillis : isKnownThere ? 1 : 2
  if (rival.losses < lossesMax) return turn
  if (answer !== "foreign" && wasKnown(standing)) sayGoodbye(turn, answer.incarnation)
  standing.isLost = true
  turn.outputs.push({ _tag: "NameLost", address: rival.address })
  return turn
}

const silence = ({ isStarting }: Standing, { silences }: Rival): Rival["verdict"] =>
  isStarting && silences < silencesMax ? undefined : "silent"

/** Sends a leave to members that know this host; it is old news to members that know the rival. */
const sayGoodbye = (turn: Turn, incarnationOther: number): void => {
  const { incarnation, name } = turn.state.self.member
  if (incarnation < incarnationOther) tellAll(turn, [{ _tag: "Dead", incarnation, node: name, from: name }])
}

/** Tells that the name left its former address and lives at this one: the reference accepts no other kind of move. */
const announce = (turn: Turn): void => {
  const { members, self } = turn.state
  const before = self.member
  const member = { ...before, incarnation: before.incarnation + 1 }
  Members.update(members, self, member)
  sayMove(turn.state)
  const { incarnation, name } = before
  tellAll(turn, [{ _tag: "Dead", incarnation, node: name, from: name }, aliveOf(member)])
  turn.outputs.push({ _tag: "Changed", member, from: before.status, change: "updated", updated: true, accusers: [] })
}

const sayMove = (state: State): void => {
  const { incarnation, name } = state.self.member
  // No name contains a slash, so this does not displace the host's alive.
  broadcast(state, `${name}/`, { _tag: "Dead", incarnation: incarnation - 1, node: name, from: name })
  broadcast(state, name, aliveOf(state.self.member))
}

/** Moves this host to another address. */
export const move = (turn: Turn, address: Address): Turn => {
  const { leaving, members, self } = turn.state
  const former = self.member.address
  if (leaving !== "no" || isSamePlace(former, address)) return turn
  Members.update(members, self, { ...self.member, address })
  setRival(turn, former, true)
  announce(turn)
  return turn
}

/** Repeats while the name is said to live elsewhere: tells one member this host's address, and asks the rival. */
export const standingTick = (turn: Turn): Turn => {
  const { now, state } = turn
  const { members, self, standing } = state
  const { knownAt, rival } = standing
  if (rival === undefined) return turn
  const isSaid = now - rival.saidAt <= saidMillisMax
  const isSeen = knownAt !== undefined && knownAt > rival.saidAt
  if (!isSaid) standing.isHeld = false
  if (!isSaid && (isSeen || members.live <= 1)) {
    standing.rival = undefined
    return turn
  }
  arm(turn, pauseMillis(state), { _tag: "StandingTick" })
  if (isSaid || standing.isStarting) ask(turn, rival)
  if (isSeen || standing.isStarting) return turn
  if (rival.isOwn) sayMove(state)
  const [partner] = choose(turn.random, members.order, 1, (entry) => entry !== self && entry.member.status === "alive")
  if (partner !== undefined)
    turn.outputs.push({ _tag: "PushPull", to: partner.member.address, name: partner.member.name })
  return turn
}
