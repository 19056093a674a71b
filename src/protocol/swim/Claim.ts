/**
 * Claim: an `alive` for a known name from another address, kept until the member at the known address is gone.
 *
 * So a host that came back elsewhere is a member once its death is known, without having to speak at that moment.
 */
import type { Address } from "../Address.ts"
import * as Buckets from "../Buckets.ts"
import type { Alive } from "../memberlist/Message.ts"
import { isLive } from "./Member.ts"
import type * as Members from "./Members.ts"
import { sendBare } from "./Packets.ts"
import { arm, type Turn } from "./State.ts"

/** Time for which a claim counts: its host repeats it every second until it is accepted. */
const claimMillisMax = 5000
/** Time after a claim in which a suspicion of the member gets only the shortest time-out. */
const contestedMillisMax = 30_000
/** Members waiting for a probe out of turn. */
const rechecksMax = 16
/** Time for which the address of a claim is remembered. */
const placeMillisMax = 300_000

/** Returns the claim of a member's name, if it is recent. */
export const claimOf = ({ now }: Turn, { claim }: Members.Entry): Alive | undefined =>
  claim !== undefined && now - claim.at <= claimMillisMax ? claim.message : undefined

/** Whether the name was claimed elsewhere lately: a silent member is then likely a former process of the name. */
export const isContested = ({ now }: Turn, { claim }: Members.Entry): boolean =>
  claim !== undefined && now - claim.at <= contestedMillisMax

/** Returns the address of the last claim of a member's name, up to 5 minutes after it. */
export const placeOf = ({ now }: Turn, { claim }: Members.Entry): Address | undefined =>
  claim !== undefined && now - claim.at <= placeMillisMax
    ? { bytes: claim.message.address, port: claim.message.port }
    : undefined

/** Arms a timer that looks at the claim of a dead member once its name may be reclaimed. */
export const awaitClaim = (turn: Turn, { claim, member }: Members.Entry): void => {
  const { deadReclaimMillis } = turn.state.config.settings
  if (claim === undefined || member.status !== "dead" || deadReclaimMillis === 0) return
  const afterMillis = member.changedAt + deadReclaimMillis + 1 - turn.now
  arm(turn, Math.max(0, afterMillis), { _tag: "ClaimDue", name: member.name })
}

/**
 * Queues a member with a claimed name for a probe out of turn: if it has given the name up, the few hosts that know it
 * would otherwise wait for its turn.
 */
export const checkClaim = (turn: Turn, name: string): Turn => {
  const { members, rechecks } = turn.state
  const entry = members.byName.get(name)
  const isDue = entry !== undefined && isContested(turn, entry) && isLive(entry.member) && !rechecks.includes(entry)
  if (isDue && rechecks.length < rechecksMax) rechecks.push(entry)
  return turn
}

/**
 * Keeps a claim that cannot be accepted yet, and forwards it to the member with the name. Decoded bytes are views of
 * their datagram, so the claim is a copy.
 */
export const keepClaim = (turn: Turn, entry: Members.Entry, message: Alive): void => {
  if (!turn.state.config.rules.twins) return
  const { address, meta, versions } = message
  const kept = { ...message, address: address.slice(), meta: meta.slice(), versions: versions.slice() }
  if (claimOf(turn, entry) === undefined) arm(turn, claimMillisMax, { _tag: "ClaimCheck", name: message.node })
  entry.claim = { message: kept, at: turn.now }
  awaitClaim(turn, entry)
  // The member with the name handles the claim. Nothing is sent to an address that only the claim names.
  if (isLive(entry.member) && Buckets.take(turn.state.challengeLimit, message.node, turn.now))
    sendBare(turn, entry.member, [kept])
}
