/**
 * Learns names that are new, or new again after they were forgotten.
 * Source: memberlist-wire.md, sections 11.2 (step 3) and 18 (5); faults.md, U18, U19 and U22.
 */
import { type Address, source } from "../Address.ts"
import * as Buckets from "../Buckets.ts"
import type { Alive } from "../memberlist/Message.ts"
import { askWaiting } from "./Ask.ts"
import type { Member } from "./Member.ts"
import * as Members from "./Members.ts"
import type { DropReason } from "./Output.ts"
import { isSamePlace, sendBare } from "./Packets.ts"
import { startsOver } from "./StartOver.ts"
import { broadcast, dropped, type Turn } from "./State.ts"
import * as Strangers from "./Strangers.ts"
import { isJump, isName } from "./Validity.ts"

/** Copies a host's record out of an `alive`, whose bytes are views of the datagram. */
export const recordOf = (message: Alive): Pick<Member, "name" | "address" | "meta" | "versions"> => ({
  name: message.node,
  address: { bytes: message.address.slice(), port: message.port },
  meta: message.meta.slice(),
  versions: message.versions.slice()
})

/**
 * Adds a record for an unknown name; undefined when the name is refused, or has to answer a ping first.
 *
 * The record is dead at incarnation 0, so the first `alive` wins. An `alive` at 0 leaves it dead until it is reaped.
 */
export const learn = (turn: Turn, message: Alive, from: Address | undefined): Members.Entry | undefined => {
  const { forgotten, members } = turn.state
  const fault = faultOf(turn, message, from)
  if (fault !== undefined) {
    dropped(turn, fault)
    return undefined
  }
  if (turn.state.config.rules.proof && !isProven(turn, message)) {
    if (Strangers.hold(turn.state.strangers, message, turn.teller, turn.state.config.limits)) askWaiting(turn)
    else dropped(turn, "strangerLimit")
    return undefined
  }
  forgotten.delete(message.node)
  const changedAt = Number.NEGATIVE_INFINITY
  return Members.add(members, { ...recordOf(message), incarnation: 0, status: "dead", changedAt }, turn.random)
}

const isProven = ({ proven }: Turn, { address, port }: Alive): boolean =>
  proven !== undefined && isSamePlace({ bytes: address, port }, proven)

const faultOf = (turn: Turn, message: Alive, from: Address | undefined): DropReason | undefined => {
  const { config, forgotten, learnLimit, members } = turn.state
  const { incarnationFirstMax, membersMax, membersPerAddressMax, nameBytesMax } = config.limits
  if (!isName(message.node, nameBytesMax)) return "invalidName"
  if (!config.admits(message.address)) return "notAdmitted"
  if (isJump(message.incarnation, 0, incarnationFirstMax)) return "incarnationJump"
  if (Members.count(members) >= membersMax || Members.countAt(members, message.address) >= membersPerAddressMax)
    return "memberLimit"
  if (from === undefined) return undefined
  const remembered = forgotten.get(message.node)?.member
  const isReplay = remembered !== undefined && message.incarnation <= remembered.incarnation
  if (isReplay && !startsOver(config, remembered, message)) {
    challenge(turn, remembered, { bytes: message.address, port: message.port })
    return "replayed"
  }
  return Buckets.take(learnLimit, source(from.bytes), turn.now) ? undefined : "learnLimit"
}

/**
 * Tells a forgotten host that may have come back its remembered incarnation, so that it refutes.
 *
 * A replay and a restarted host look alike. The suspect message goes straight to the remembered address or, if the host
 * seems to have moved, into gossip: never to an address that only the `alive` names.
 */
const challenge = (turn: Turn, remembered: Member, claimed: Address): void => {
  const { challengeLimit, config } = turn.state
  const { incarnation, name } = remembered
  if (!Buckets.take(challengeLimit, name, turn.now)) return
  const suspect = { _tag: "Suspect", incarnation, node: name, from: config.name } as const
  if (isSamePlace(remembered.address, claimed)) sendBare(turn, remembered, [suspect])
  else broadcast(turn.state, name, suspect)
}
