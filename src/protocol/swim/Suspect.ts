/**
 * The rule for `suspect`, and the end of a suspicion that is not refuted.
 * Source: memberlist-wire.md, sections 11.3 and 12.
 */
import type { Suspect } from "../memberlist/Message.ts"
import { isContested } from "./Claim.ts"
import { dead } from "./Dead.ts"
import { isDeaf } from "./Hearing.ts"
import type { Member } from "./Member.ts"
import * as Members from "./Members.ts"
import { sendBare } from "./Packets.ts"
import { refute } from "./Refute.ts"
import { confirmationsMax, suspicionMinMillis } from "./Scale.ts"
import { outrun } from "./StartOver.ts"
import { arm, broadcast, dropped, leadMillis, rearmSuspicion, type Turn } from "./State.ts"
import * as Suspicion from "./Suspicion.ts"
import type { Timer } from "./Timer.ts"
import { isJump, isNameSized } from "./Validity.ts"

/** Applies a `suspect`: opens a suspicion, or confirms the open one. */
export const suspect = (turn: Turn, message: Suspect): Turn => {
  const { config, members, self } = turn.state
  const entry = members.byName.get(message.node)
  if (entry === undefined) return dropped(turn, "unknownMember")
  const known = entry.member
  if (message.incarnation < known.incarnation)
    return entry === self ? outrun(turn, message.incarnation, undefined) : turn
  if (entry !== self && isJump(message.incarnation, known.incarnation, config.limits.incarnationJumpMax))
    return dropped(turn, "incarnationJump")
  if (!isNameSized(message.from, config.limits.nameBytesMax)) return dropped(turn, "invalidName")
  if (entry.suspicion !== undefined) {
    if (confirm(turn, entry.suspicion, message.from)) broadcast(turn.state, message.node, message)
    return turn
  }
  if (known.status !== "alive") return turn
  if (entry === self) return refute(turn, message.incarnation)
  broadcast(turn.state, message.node, message)
  const member: Member = { ...known, incarnation: message.incarnation, status: "suspect", changedAt: turn.now }
  Members.update(members, entry, member)
  entry.suspicion = open(turn, entry, message.from)
  if (message.from !== config.name) askSelf(turn, entry)
  turn.outputs.push({
    _tag: "Changed",
    member,
    from: known.status,
    change: "suspected",
    updated: false,
    accusers: [message.from]
  })
  return turn
}

const rechecksMax = 16

/** Queues a suspect for a probe of this host's own, with a chance that gives `secondOpinions` probes in the cluster. */
const askSelf = ({ random, state }: Turn, entry: Members.Entry): void => {
  const { config, members, rechecks } = state
  if (config.settings.secondOpinions === 0 || rechecks.length >= rechecksMax) return
  if (random() * members.live < config.settings.secondOpinions) rechecks.push(entry)
}

const open = (turn: Turn, entry: Members.Entry, accuser: string): Suspicion.Suspicion<Timer> => {
  const { config, members } = turn.state
  const n = Members.count(members)
  const minMillis = suspicionMinMillis(config, n)
  const suspicion = {
    k: isContested(turn, entry) ? 0 : confirmationsMax(config, n),
    minMillis,
    maxMillis: config.settings.suspicionMaxTimeoutMult * minMillis,
    startedAt: turn.now,
    heldMillis: 0,
    isAsked: false,
    accusers: new Set([accuser])
  }
  const afterMillis = Suspicion.expiresAt(suspicion) - leadMillis(turn.state, suspicion) - turn.now
  const deadline = arm(turn, afterMillis, { _tag: "SuspicionExpired", name: entry.member.name })
  return { ...suspicion, deadline }
}

const confirm = (turn: Turn, suspicion: Suspicion.Suspicion<Timer>, accuser: string): boolean => {
  if (!Suspicion.confirm(suspicion, accuser)) return false
  rearmSuspicion(turn.state, suspicion, Suspicion.expiresAt(suspicion))
  return true
}

/** Handles the end of a suspicion: waits while deaf, asks the suspect for its last word, then declares it dead. */
export const suspicionExpired = (turn: Turn, name: string): Turn => {
  const { config, members } = turn.state
  const entry = members.byName.get(name)
  if (entry === undefined || entry.member.status !== "suspect") return turn
  const { suspicion } = entry
  if (suspicion !== undefined && isDeaf(turn, suspicion.maxMillis)) {
    rearmSuspicion(turn.state, suspicion, turn.now + config.settings.probeIntervalMillis)
    return turn
  }
  if (suspicion !== undefined && leadMillis(turn.state, suspicion) > 0) {
    suspicion.isAsked = true
    rearmSuspicion(turn.state, suspicion, turn.now + config.settings.probeTimeoutMillis)
    const { incarnation } = entry.member
    return sendBare(turn, entry.member, [{ _tag: "Suspect", incarnation, node: name, from: config.name }])
  }
  return dead(turn, { _tag: "Dead", incarnation: entry.member.incarnation, node: name, from: config.name })
}
