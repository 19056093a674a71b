/**
 * Fills datagrams: a message, then queued broadcasts as far as there is room. Membership updates come first, then user
 * messages for all members, then those for hosts alone, which no other program receives.
 * Source: memberlist-wire.md, sections 5.4 and 14.2.
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

/** Returns the audience of the queued broadcasts; undefined when none may be sent. */
export const audienceOf = (state: State): Audience | undefined => {
  const { hostBroadcasts, memberBroadcasts, standing, userBroadcasts } = state
  if (isAsking(standing) || isUnproven(standing)) return undefined
  if (Broadcasts.size(memberBroadcasts) > 0) return "members"
  if (standing.isHeld) return undefined
  if (Broadcasts.size(userBroadcasts) > 0) return "members"
  return Broadcasts.size(hostBroadcasts) > 0 ? "hosts" : undefined
}

/** Takes broadcasts for one datagram to `to`, within `roomBytes` and `roomParts`. */
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

/** Returns the bytes that a message leaves for broadcasts; `messageBytes` is 0 for a datagram of broadcasts alone. */
const roomFor = (state: State, messageBytes: number): number =>
  state.config.settings.packetBytesMax - messageBytes - compoundOverheadBytes - state.config.framingOverheadBytes

/** Whether a message fits into a datagram at all. */
export const fits = (state: State, bytes: Uint8Array): boolean =>
  bytes.length + compoundOverheadBytes <= roomFor(state, 0)

/** Sends one message: to a member with piggyback, to a stranger bare, since others may have given that address. */
export const send = (turn: Turn, { member, to }: Recipient, message: PacketMessage): Turn => {
  const bytes = turn.state.config.encode(message)
  const room = roomFor(turn.state, bytes.length)
  const piggyback = member === undefined ? [] : takeBroadcasts(turn.state, member, room, compoundPartsMax - 1)
  turn.outputs.push({ _tag: "Send", to, parts: [bytes, ...piggyback], crc: false })
  return turn
}

/** Makes a recipient of a member, at its known address. */
export const recipient = (member: Member): Recipient => ({ to: member.address, member })

/** Sends exactly `messages` to a member, without piggyback. */
export const sendBare = (turn: Turn, to: Member, messages: ReadonlyArray<PacketMessage>): Turn => {
  turn.outputs.push({
    _tag: "Send",
    to: to.address,
    parts: messages.map((message) => turn.state.config.encode(message)),
    crc: readsCrc(to)
  })
  return turn
}

/** Sends a member the queued broadcasts for it, if any. */
export const sendBroadcasts = (turn: Turn, to: Member): Turn => {
  const parts = takeBroadcasts(turn.state, to, roomFor(turn.state, 0), compoundPartsMax)
  if (parts.length > 0) turn.outputs.push({ _tag: "Send", to: to.address, parts, crc: readsCrc(to) })
  return turn
}

/** Returns the fields of a ping that say where to answer. */
export const ownSource = ({ config, self: { member } }: State): Source => ({
  sourceAddress: member.address.bytes,
  sourcePort: member.address.port,
  sourceNode: config.name
})

/**
 * Returns the recipient of an answer: a member of the given name that has acknowledged a ping at its known address, if
 * the message names that address or comes from it; else the datagram's source. So nobody can point this host at a third
 * party, or pass a third party off as a member and have it sent more than an answer.
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

/** Whether two addresses are dialled alike: an IPv4-mapped address equals the IPv4 address. */
export const isSamePlace = (a: Address, b: Address): boolean =>
  equal(a, b) || (a.port === b.port && equalBytes(plain(a.bytes), plain(b.bytes)))
