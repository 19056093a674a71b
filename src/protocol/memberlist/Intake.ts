/**
 * How many datagrams a host looks at, by the address that they come from: before they are decrypted, inflated or read.
 *
 * What is counted are units: a datagram is at least one, and one for each 2,048 bytes or 32 messages that it holds, which is
 * known of a compressed one when it has been read. So it costs as much to send many messages in few datagrams as in many.
 * A source has its own share, and strangers together have one beside that of the members, whom they cannot displace.
 * Source: faults.md, D-7.
 */
import { type Address, source as sourceOf } from "../Address.ts"
import * as Bucket from "../Bucket.ts"
import * as Buckets from "../Buckets.ts"

/** Units a second of one address: in any second 300 hosts send one of them less than half of it, all together. */
export const sourceUnitsPerSecond = 500
export const sourceUnitsBurst = 1000

/** Units a second of all addresses at which no member is. */
export const strangerUnitsPerSecond = 1000
export const strangerUnitsBurst = 2000

/** Units a second of all addresses at which members are. */
export const memberUnitsPerSecond = 2000
export const memberUnitsBurst = 4000

/** A legal datagram has no more, and is one unit. */
export const unitBytes = 2048
export const unitMessages = 32

/** Why a datagram was not looked at: its address has sent too many, or all of them together. */
export type Refusal = "sourceRate" | "rate"

export interface Intake {
  readonly sources: Buckets.Buckets
  readonly members: Bucket.Bucket
  readonly strangers: Bucket.Bucket
  /** Whether a member is at this source, as `Address.source` has it. */
  readonly isMember: (source: string) => boolean
}

/** What was admitted, so that more can be charged for it. */
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

/** Whether to look at a datagram of so many bytes. */
export const admit = (intake: Intake, from: Address, bytes: number, nowMillis: number): Admitted | Refusal => {
  const source = sourceOf(from.bytes)
  const units = unitsOf(bytes, 0)
  if (!Buckets.take(intake.sources, source, nowMillis, units)) return "sourceRate"
  const isMember = intake.isMember(source)
  const all = isMember ? intake.members : intake.strangers
  return Bucket.take(all, nowMillis, units) ? { source, isMember, units } : "rate"
}

/** Charges a datagram for what it held: the source has that much less from now on. */
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
