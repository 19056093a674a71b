/**
 * Names heard of for the first time, or again after they were forgotten.
 *
 * Source: memberlist-protocol.md, sections 11.2 (step 3) and 18 (5); faults.md, U18, U19 and U22.
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

/** What an `alive` says of its host. Decoded bytes are views of their datagram; what is kept is copied out of it. */
export const recordOf = (message: Alive): Pick<Member, "name" | "address" | "meta" | "versions"> => ({
  name: message.node,
  address: { bytes: message.address.slice(), port: message.port },
  meta: message.meta.slice(),
  versions: message.versions.slice()
})

/**
 * Makes a record of an unknown name; undefined when it may not be one, or has to answer first.
 *
 * The record is dead at incarnation 0, so that the first `alive` wins. An `alive` at 0 leaves it so until it is reaped.
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
 * Tells a host that may have come back what is remembered of it, so that it refutes.
 *
 * A replay and a host that restarted look alike. The word goes straight to the remembered address, or, if the host seems
 * to have moved, round by gossip: never to an address that only the message names.
 */
const challenge = (turn: Turn, remembered: Member, claimed: Address): void => {
  const { challengeLimit, config } = turn.state
  const { incarnation, name } = remembered
  if (!Buckets.take(challengeLimit, name, turn.now)) return
  const suspect = { _tag: "Suspect", incarnation, node: name, from: config.name } as const
  if (isSamePlace(remembered.address, claimed)) sendBare(turn, remembered, [suspect])
  else broadcast(turn.state, name, suspect)
}
