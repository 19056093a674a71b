/**
 * Two processes of one name: what one says to the other, and which of them gives way.
 *
 * A host that is told that its name lives elsewhere pings that address over a stream, under its own name. A process that
 * answers has the name too, and its ack says what it is. Acks of other programs say nothing: they never give way.
 * Shape: one byte, 0x74 ("t", for twin), then `grinta.v1.Claimant`, as the payload of the ack.
 * Source: `proto/grinta/v1/membership.proto`.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { Option, Result } from "effect"
import { concat } from "../Bytes.ts"
import { ClaimantSchema } from "../gen/grinta/v1/membership_pb.ts"

export interface Claimant {
  /** Start of the process, in microseconds since 1970. */
  readonly bornAtMicros: number
  /** Drawn by chance: it tells processes apart that were born at the same time, and a process from itself. */
  readonly life: number
  /** Whether another member has shown of late that it knows this process by the name. */
  readonly isKnown: boolean
  readonly incarnation: number
}

/** What an ack says: a claimant, or "foreign" for another program. */
export type Answer = Claimant | "foreign"

const kind = 0x74
const bytesMax = 64

export const encode = ({ bornAtMicros, incarnation, isKnown, life }: Claimant): Uint8Array => {
  const message = create(ClaimantSchema, { born: BigInt(bornAtMicros), life, isKnown, incarnation })
  return concat([Uint8Array.of(kind), toBinary(ClaimantSchema, message)])
}

/** What the payload of an ack says; what cannot be read is of another program. */
export const decode = (payload: Uint8Array): Answer => {
  if (payload[0] !== kind || payload.length > bytesMax) return "foreign"
  const decoded = Result.getSuccess(Result.try(() => fromBinary(ClaimantSchema, payload.subarray(1))))
  return Option.match(decoded, {
    onNone: (): Answer => "foreign",
    onSome: ({ born, incarnation, isKnown, life }) => ({ bornAtMicros: Number(born), life, isKnown, incarnation })
  })
}

export const isSame = (a: Claimant, b: Claimant): boolean => a.life === b.life && a.bornAtMicros === b.bornAtMicros

/**
 * Whether a process gives way to another one of its name: to one that the others know, if they do not know itself; else to
 * the one that was born first. Of two processes exactly one gives way.
 */
export const yields = (own: Claimant, other: Answer): boolean => {
  if (other === "foreign") return !own.isKnown
  if (own.isKnown !== other.isKnown) return other.isKnown
  return own.bornAtMicros === other.bornAtMicros ? own.life > other.life : own.bornAtMicros > other.bornAtMicros
}
