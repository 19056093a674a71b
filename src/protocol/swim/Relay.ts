/**
 * Pings carried for others: the helper's part of an indirect probe.
 * Source: memberlist-wire.md, section 13.4; faults.md, U12.
 */
import { type Address, source } from "../Address.ts"
import * as Buckets from "../Buckets.ts"
import type { IndirectPing } from "../memberlist/Message.ts"
import * as Deadlines from "./Deadlines.ts"
import { isSamePlace, ownSource, recipient, replyTo, send } from "./Packets.ts"
import { arm, dropped, nextSeq, type Turn } from "./State.ts"

/** Pings another member for the requester, under a sequence number of this host. */
export const relay = (turn: Turn, from: Address, request: IndirectPing): Turn => {
  const { config, members, relayLimit, relays, self } = turn.state
  const entry = members.byName.get(request.node)
  const port = request.port === 0 ? config.address.port : request.port
  const isTarget =
    entry !== undefined && entry !== self && isSamePlace(entry.member.address, { bytes: request.target, port })
  if (!isTarget) return dropped(turn, "relayTarget")
  if (relays.size >= config.limits.relaysMax || !Buckets.take(relayLimit, source(from.bytes), turn.now))
    return dropped(turn, "relayLimit")
  const seq = nextSeq(turn.state)
  const { nackShare, probeTimeoutMillis } = config.settings
  const deadline = arm(turn, nackShare * probeTimeoutMillis, { _tag: "RelayExpired", seq })
  relays.set(seq, { seq: request.seq, to: replyTo(turn.state, from, request), wantsNack: request.nack, deadline })
  return send(turn, recipient(entry.member), { _tag: "Ping", seq, node: request.node, ...ownSource(turn.state) })
}

/** Passes the target's ack on to the requester. */
export const relayAcked = (turn: Turn, seq: number): Turn => {
  const { deadlines, relays } = turn.state
  const carried = relays.get(seq)
  if (carried === undefined) return turn
  Deadlines.cancel(deadlines, carried.deadline)
  relays.delete(seq)
  return send(turn, carried.to, { _tag: "Ack", seq: carried.seq, payload: new Uint8Array(0) })
}

/** Handles a target without an ack: sends the requester a nack, if wanted. */
export const relayExpired = (turn: Turn, seq: number): Turn => {
  const { relays } = turn.state
  const carried = relays.get(seq)
  relays.delete(seq)
  if (carried?.wantsNack === true) send(turn, carried.to, { _tag: "Nack", seq: carried.seq })
  return turn
}
