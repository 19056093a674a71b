/**
 * The rule for `suspect`, and what follows when nobody refutes.
 *
 * Source: memberlist-protocol.md, sections 11.3 and 12.
 */
import type { Suspect } from "../memberlist/Message.ts"
import { dead } from "./Dead.ts"
import * as Deadlines from "./Deadlines.ts"
import type { Member } from "./Member.ts"
import * as Members from "./Members.ts"
import { refute } from "./Refute.ts"
import { arm, broadcast, dropped, type Turn } from "./State.ts"
import * as Suspicion from "./Suspicion.ts"
import type { Timer } from "./Timer.ts"
import { isJump, isNameSized } from "./Validity.ts"

/** Applies a `suspect`: opens a suspicion, or confirms the one that is open. */
export const suspect = (turn: Turn, message: Suspect): Turn => {
  const { config, members, self } = turn.state
  const entry = members.byName.get(message.node)
  if (entry === undefined) return dropped(turn, "unknownMember")
  const known = entry.member
  if (message.incarnation < known.incarnation) return turn
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
  entry.suspicion = open(turn, member.name, message.from)
  turn.outputs.push({ _tag: "Changed", member, from: known.status, change: "suspected", updated: false })
  return turn
}

const open = (turn: Turn, name: string, accuser: string): Suspicion.Suspicion<Timer> => {
  const { members } = turn.state
  const { rules, settings } = turn.state.config
  const n = Members.count(members)
  const minMillis = Suspicion.minMillis(settings.suspicionMult, n, settings.probeIntervalMillis)
  const suspicion = {
    k: rules.confirmations ? Suspicion.confirmationsMax(settings.suspicionMult, n) : 0,
    minMillis,
    maxMillis: settings.suspicionMaxTimeoutMult * minMillis,
    startedAt: turn.now,
    accusers: new Set([accuser])
  }
  const deadline = arm(turn, Suspicion.expiresAt(suspicion) - turn.now, { _tag: "SuspicionExpired", name })
  return { ...suspicion, deadline }
}

const confirm = (turn: Turn, suspicion: Suspicion.Suspicion<Timer>, accuser: string): boolean => {
  if (!Suspicion.confirm(suspicion, accuser)) return false
  const { deadlines } = turn.state
  const { value } = suspicion.deadline
  Deadlines.cancel(deadlines, suspicion.deadline)
  suspicion.deadline = Deadlines.arm(deadlines, Suspicion.expiresAt(suspicion), value)
  return true
}

/** The suspect's time is over: it is dead, on our word. */
export const suspicionExpired = (turn: Turn, name: string): Turn => {
  const { config, members } = turn.state
  const entry = members.byName.get(name)
  if (entry === undefined || entry.member.status !== "suspect") return turn
  return dead(turn, { _tag: "Dead", incarnation: entry.member.incarnation, node: name, from: config.name })
}
