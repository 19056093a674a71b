/**
 * The word of a name from another address than the known one: it is kept, and taken once the life there is over.
 *
 * So a host that came back elsewhere is there as soon as its death is known, and need not have the luck to speak just then.
 */
import type { Address } from "../Address.ts"
import * as Buckets from "../Buckets.ts"
import type { Alive } from "../memberlist/Message.ts"
import { isLive } from "./Member.ts"
import type * as Members from "./Members.ts"
import { sendBare } from "./Packets.ts"
import { arm, type Turn } from "./State.ts"

/** How long a word counts: a host that waits to be taken says it again each second. */
const claimMillisMax = 5000
/** How long a member of whose name there was a word is given only the shortest time when it is suspected. */
const contestedMillisMax = 30_000
/** Members that wait for a probe out of turn. */
const rechecksMax = 16
/** How long it is remembered where to ask. */
const placeMillisMax = 300_000

/** The word for a member that has not been withdrawn since, if it is recent. */
export const claimOf = ({ now }: Turn, { claim }: Members.Entry): Alive | undefined =>
  claim !== undefined && now - claim.at <= claimMillisMax ? claim.message : undefined

/** Whether the name was claimed elsewhere of late: then a silent member is likely to be its life before. */
export const isContested = ({ now }: Turn, { claim }: Members.Entry): boolean =>
  claim !== undefined && now - claim.at <= contestedMillisMax

/** Where to ask for the name, if there was a word of it that is no longer recent. */
export const placeOf = ({ now }: Turn, { claim }: Members.Entry): Address | undefined =>
  claim !== undefined && now - claim.at <= placeMillisMax
    ? { bytes: claim.message.address, port: claim.message.port }
    : undefined

/** Has the word for a dead member looked at when its name is free. */
export const awaitClaim = (turn: Turn, { claim, member }: Members.Entry): void => {
  const { deadReclaimMillis } = turn.state.config.settings
  if (claim === undefined || member.status !== "dead" || deadReclaimMillis === 0) return
  const afterMillis = member.changedAt + deadReclaimMillis + 1 - turn.now
  arm(turn, Math.max(0, afterMillis), { _tag: "ClaimDue", name: member.name })
}

/**
 * Has the one that is known by a claimed name probed out of turn: if it has given the name up, those few that know it would
 * otherwise wait for its turn.
 */
export const checkClaim = (turn: Turn, name: string): Turn => {
  const { members, rechecks } = turn.state
  const entry = members.byName.get(name)
  const isDue = entry !== undefined && isContested(turn, entry) && isLive(entry.member) && !rechecks.includes(entry)
  if (isDue && rechecks.length < rechecksMax) rechecks.push(entry)
  return turn
}

/**
 * Keeps a word that cannot be taken yet, and shows it to the member that has the name. Decoded bytes are views of their
 * datagram; what is kept is copied out of it.
 */
export const keepClaim = (turn: Turn, entry: Members.Entry, message: Alive): void => {
  if (!turn.state.config.rules.twins) return
  const { address, meta, versions } = message
  const kept = { ...message, address: address.slice(), meta: meta.slice(), versions: versions.slice() }
  if (claimOf(turn, entry) === undefined) arm(turn, claimMillisMax, { _tag: "ClaimCheck", name: message.node })
  entry.claim = { message: kept, at: turn.now }
  awaitClaim(turn, entry)
  // Who has the name looks after it. Nothing goes to an address that only the word names.
  if (isLive(entry.member) && Buckets.take(turn.state.challengeLimit, message.node, turn.now))
    sendBare(turn, entry.member, [kept])
}
