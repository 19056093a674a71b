/**
 * Rate limits of datagrams per source address, applied before decryption, decompression and decoding.
 *
 * Token buckets count units: a datagram costs at least one, and one per 2,048 bytes or 32 messages in it. A compressed
 * datagram is charged for its contents after decoding. So many messages in few datagrams cost as much as in many. Each
 * source has a bucket; all strangers share one and all members another, so that strangers cannot displace members.
 * Source: security.md, D-7.
 */
import { type Address, source as sourceOf } from "../Address.ts"
import * as Bucket from "../Bucket.ts"
import * as Buckets from "../Buckets.ts"

/** Units per second of one address: 300 hosts together send one host less than half of that in any second. */
export const sourceUnitsPerSecond = 500
export const sourceUnitsBurst = 1000

/** Units per second of all addresses without a member. */
export const strangerUnitsPerSecond = 1000
export const strangerUnitsBurst = 2000

/** Units per second of all addresses with members. */
export const memberUnitsPerSecond = 2000
export const memberUnitsBurst = 4000

/** Bounds of one unit; a legal datagram stays within them. */
export const unitBytes = 2048
export const unitMessages = 32

/** Why a datagram was refused: too many from its address ("sourceRate"), or from all addresses together ("rate"). */
export type Refusal = "sourceRate" | "rate"

export interface Intake {
  readonly sources: Buckets.Buckets
  readonly members: Bucket.Bucket
  readonly strangers: Bucket.Bucket
  /** Whether a member has this source address, in the form of `Address.source`. */
  readonly isMember: (source: string) => boolean
}

/** An admitted datagram and the units it has paid, for `charge`. */
export interface Admitted {
  readonly source: string
  readonly isMember: boolean
  readonly units: number
}

export const make = (isMember: Intake["isMember"], nowMillis: number): Intake => ({
  sources: Buckets.make(sourceUnitsPerSecond, sourceUnitsBurst),
  members: Bucket.make(memberUnitsBurst, memberUnitsPerSecond, nowMillis),
  strangers: Bucket.make(strangerUnitsBurst, strangerUnitsPerSecond, nowMillis),
  isMember
})

const unitsOf = (bytes: number, messages: number): number =>
  Math.max(1, Math.ceil(bytes / unitBytes), Math.ceil(messages / unitMessages))

/** Takes the units of a datagram of `bytes` bytes before it is decoded; returns why it is refused, if it is. */
export const admit = (intake: Intake, from: Address, bytes: number, nowMillis: number): Admitted | Refusal => {
  const source = sourceOf(from.bytes)
  const units = unitsOf(bytes, 0)
  if (!Buckets.take(intake.sources, source, nowMillis, units)) return "sourceRate"
  const isMember = intake.isMember(source)
  const all = isMember ? intake.members : intake.strangers
  return Bucket.take(all, nowMillis, units) ? { source, isMember, units } : "rate"
}

/** Charges a decoded datagram for the units of its contents beyond those already paid. */
export const charge = (
  { members, sources, strangers }: Intake,
  { isMember, source, units }: Admitted,
  bytes: number,
  messages: number
): void => {
  const more = unitsOf(bytes, messages) - units
  if (more <= 0) return
  Buckets.charge(sources, source, more)
  Bucket.charge(isMember ? members : strangers, more)
}
