/** The rule for `alive`. Source: memberlist-wire.md, section 11.2; faults.md, U17 to U20 and U22. */
import { type Address, equal, equalBytes } from "../Address.ts"
import type { Alive } from "../memberlist/Message.ts"
import { keepClaim } from "./Claim.ts"
import type { Config } from "./Config.ts"
import { learn, recordOf } from "./Learn.ts"
import { isGone, type Member } from "./Member.ts"
import * as Members from "./Members.ts"
import type { Change } from "./Output.ts"
import { isSamePlace } from "./Packets.ts"
import { arrived } from "./PushPull.ts"
import { refute } from "./Refute.ts"
import { hearElsewhere, know } from "./Rivalry.ts"
import { answerReach, outrun, startsOver } from "./StartOver.ts"
import { broadcast, clearSuspicion, dropped, type State, type Turn } from "./State.ts"
import { delegateText, faultOf, isJump } from "./Validity.ts"

/** Applies an `alive`; `from` sent its datagram, undefined for one from a push/pull, an answered ping or a claim. */
export const alive = (turn: Turn, received: Alive, from: Address | undefined): Turn => {
  const { config, leaving, members } = turn.state
  const isSelf = received.node === config.name
  if (isSelf && leaving !== "no") return turn
  const message = received.port === 0 ? { ...received, port: config.address.port } : received
  const address: Address = { bytes: message.address, port: message.port }
  const old = members.byName.get(message.node)
  const hasMoved = old !== undefined && !(isSelf ? isSamePlace : equal)(old.member.address, address)
  // Most alives are old news.
  if (old !== undefined && !isSelf && !hasMoved && isOld(config, old.member, message)) return turn
  const fault = isSelf ? undefined : faultOf(message, config)
  if (fault === "incompatible") return dropped(turn, fault, delegateText(message.node, message.versions))
  if (fault !== undefined) return dropped(turn, fault)
  if (from !== undefined && !config.admits(from.bytes)) return dropped(turn, "notAdmitted")
  const entry = old ?? learn(turn, message, from)
  if (entry === undefined) return turn
  const known = entry.member
  if (hasMoved) {
    if (!config.admits(address.bytes)) return dropped(turn, "notAdmitted")
    if (isSelf) return hearElsewhere(turn, address, message.incarnation)
    if (!mayMove(turn, known)) {
      keepClaim(turn, entry, message)
      // A host that moves sends a leave for its former address first.
      if (entry.farewell === undefined) turn.outputs.push({ _tag: "Conflict", existing: known, address })
      return turn
    }
  }
  if (isSelf) {
    know(turn)
    return isOwnWord(known, message)
      ? outrun(turn, message.incarnation, message.meta)
      : refute(turn, message.incarnation, message.meta)
  }
  if (!hasMoved && isOld(config, known, message)) return turn
  if (isJump(message.incarnation, known.incarnation, reach(turn.state, known))) return dropped(turn, "incarnationJump")
  return take(turn, entry, message, hasMoved)
}

/** Applies an `alive` that passed all checks, and gossips it. */
export const take = (turn: Turn, entry: Members.Entry, message: Alive, hasMoved: boolean): Turn => {
  clearSuspicion(turn.state, entry)
  broadcast(turn.state, message.node, message)
  return accept(turn, entry, message, hasMoved)
}

/** Whether an `alive` about another host says nothing new. */
export const isOld = (config: Config, known: Member, message: Pick<Alive, "incarnation" | "meta">): boolean =>
  message.incarnation <= known.incarnation && !startsOver(config, known, message)

/** Whether an `alive` about this host repeats its own, current or older. */
const isOwnWord = (known: Member, message: Alive): boolean =>
  message.incarnation < known.incarnation || (message.incarnation === known.incarnation && !differs(known, message))

/** Whether a member may change its address: after a leave, or `deadReclaimMillis` after its death. */
const mayMove = ({ now, state }: Turn, known: Member): boolean => {
  const { deadReclaimMillis } = state.config.settings
  return (
    known.status === "left" ||
    (known.status === "dead" && deadReclaimMillis > 0 && now - known.changedAt > deadReclaimMillis)
  )
}

const reach = ({ config }: State, known: Member): number =>
  known.incarnation === 0 ? config.limits.incarnationFirstMax : answerReach(config.limits)

const differs = (known: Member, message: Alive): boolean =>
  !equalBytes(known.meta, message.meta) || !equalBytes(known.versions, message.versions)

const changeOf = (known: Member, isUpdated: boolean): Change => {
  switch (known.status) {
    case "alive":
      return isUpdated ? "updated" : "raised"
    case "suspect":
      return "refuted"
    case "dead":
      return known.incarnation === 0 ? "joined" : "returned"
    case "left":
      return "returned"
  }
}

const accept = (turn: Turn, entry: Members.Entry, message: Alive, hasMoved: boolean): Turn => {
  const known = entry.member
  const isNew = known.incarnation === 0
  const updated = !isNew && (hasMoved || differs(known, message))
  const member: Member = {
    ...(isNew || updated ? recordOf(message) : known),
    incarnation: message.incarnation,
    status: "alive",
    changedAt: known.status === "alive" ? known.changedAt : turn.now
  }
  Members.update(turn.state.members, entry, member)
  if (hasMoved) entry.claim = undefined
  if (entry.farewell !== undefined && message.incarnation > entry.farewell.message.incarnation)
    entry.farewell = undefined
  const from = isNew ? undefined : known.status
  turn.outputs.push({ _tag: "Changed", member, from, change: changeOf(known, updated), updated, accusers: [] })
  return isGone(known) ? arrived(turn) : turn
}
