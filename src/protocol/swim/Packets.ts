/**
 * Filling datagrams: a message with what is queued in the room that it leaves. Membership comes before user messages, and of
 * those what is for all before what is for hosts alone, which no other program is given.
 *
 * Source: memberlist-protocol.md, sections 5.4 and 14.2.
 */
import type { Address } from "../Address.ts"
import { equal, equalBytes } from "../Address.ts"
import type { PacketMessage, Source } from "../memberlist/Message.ts"
import { isUnproven } from "./Beginning.ts"
import * as Broadcasts from "./Broadcasts.ts"
import type { Audience } from "./Input.ts"
import { type Member, type Recipient, readsCrc } from "./Member.ts"
import * as Members from "./Members.ts"
import { transmitsMax } from "./Scale.ts"
import { isAsking } from "./Standing.ts"
import type { State, Turn } from "./State.ts"

const compoundOverheadBytes = 2
const compoundPartsMax = 255

/** Whom there are broadcasts for; undefined when there are none. */
export const audienceOf = (state: State): Audience | undefined => {
  const { hostBroadcasts, memberBroadcasts, standing, userBroadcasts } = state
  if (isAsking(standing) || isUnproven(standing)) return undefined
  if (Broadcasts.size(memberBroadcasts) > 0) return "members"
  if (standing.isHeld) return undefined
  if (Broadcasts.size(userBroadcasts) > 0) return "members"
  return Broadcasts.size(hostBroadcasts) > 0 ? "hosts" : undefined
}

/** Takes broadcasts for one datagram to a member that has this much room. */
const takeBroadcasts = (state: State, to: Member, roomBytes: number, roomParts: number): ReadonlyArray<Uint8Array> => {
  if (audienceOf(state) === undefined) return []
  const { hostBroadcasts, memberBroadcasts, standing, userBroadcasts } = state
  const transmitLimit = transmitsMax(state.config, Members.count(state.members))
  const overheadBytes = compoundOverheadBytes
  const parts: Array<Uint8Array> = []
  let bytesMax = roomBytes
  for (const queue of standing.isHeld ? [memberBroadcasts] : [memberBroadcasts, userBroadcasts, hostBroadcasts]) {
    if (Broadcasts.size(queue) === 0 || (queue === hostBroadcasts && !state.config.isHost(to.meta))) continue
    const room = { overheadBytes, bytesMax, countMax: roomParts - parts.length, transmitLimit }
    for (const part of Broadcasts.take(queue, room)) {
      bytesMax -= part.length + overheadBytes
      parts.push(part)
    }
  }
  return parts
}

/** The room that a message of this length leaves for others; 0 for a datagram of broadcasts alone. */
const roomFor = (state: State, messageBytes: number): number =>
  state.config.settings.packetBytesMax - messageBytes - compoundOverheadBytes - state.config.framingOverheadBytes

/** Whether a message could ever be taken from the queue. */
export const fits = (state: State, bytes: Uint8Array): boolean =>
  bytes.length + compoundOverheadBytes <= roomFor(state, 0)

/** Sends one message: to a member with piggyback, to a stranger bare, since somebody else may have given that address. */
export const send = (turn: Turn, { member, to }: Recipient, message: PacketMessage): Turn => {
  const bytes = turn.state.config.encode(message)
  const room = roomFor(turn.state, bytes.length)
  const piggyback = member === undefined ? [] : takeBroadcasts(turn.state, member, room, compoundPartsMax - 1)
  turn.outputs.push({ _tag: "Send", to, parts: [bytes, ...piggyback], crc: false })
  return turn
}

/** A member, at the address by which it is known. */
export const recipient = (member: Member): Recipient => ({ to: member.address, member })

/** Sends exactly these messages to a member. */
export const sendBare = (turn: Turn, to: Member, messages: ReadonlyArray<PacketMessage>): Turn => {
  turn.outputs.push({
    _tag: "Send",
    to: to.address,
    parts: messages.map((message) => turn.state.config.encode(message)),
    crc: readsCrc(to)
  })
  return turn
}

/** Sends queued broadcasts to a member, if there are any for it. */
export const sendBroadcasts = (turn: Turn, to: Member): Turn => {
  const parts = takeBroadcasts(turn.state, to, roomFor(turn.state, 0), compoundPartsMax)
  if (parts.length > 0) turn.outputs.push({ _tag: "Send", to: to.address, parts, crc: readsCrc(to) })
  return turn
}

/** Where we want answers sent. */
export const ownSource = ({ config, self: { member } }: State): Source => ({
  sourceAddress: member.address.bytes,
  sourcePort: member.address.port,
  sourceNode: config.name
})

/**
 * Where an answer goes: to the address named in the message if a member of that name has it and has answered a probe there,
 * else to the datagram's source. Never anywhere else, so that nobody can point us at a third party; and only who has answered
 * there is taken for the member, so that nobody can name a third party a member and have it sent more than an answer.
 */
export const replyTo = ({ members }: State, from: Address, source: Source): Recipient => {
  const entry = members.byName.get(source.sourceNode)
  const stranger = { to: from, member: undefined }
  if (entry?.ackedAt === undefined) return stranger
  const { member } = entry
  const isThere = (place: Address): boolean => isSamePlace(member.address, place)
  const isNamed = isThere({ bytes: source.sourceAddress, port: source.sourcePort }) || isThere(from)
  return isThere(entry.ackedAt) && isNamed ? recipient(member) : stranger
}

const mappedPrefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)

const plain = (bytes: Uint8Array): Uint8Array =>
  bytes.length === 16 && equalBytes(bytes.subarray(0, 12), mappedPrefix) ? bytes.subarray(12) : bytes

/** Whether two addresses are dialled alike: an IPv4-mapped address is the IPv4 address. */
export const isSamePlace = (a: Address, b: Address): boolean =>
  equal(a, b) || (a.port === b.port && equalBytes(plain(a.bytes), plain(b.bytes)))
