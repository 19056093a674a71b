/**
 * Twins: two processes of one name. Encodes their claimants, and decides which of them gives way.
 *
 * A host that hears of its name at another address pings that address over a stream, under its own name. A process that
 * answers has the name too, and its ack carries its claimant. Acks of other programs carry none: these never give way.
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
  /** Random: tells apart processes born at the same time, and a process from itself. */
  readonly life: number
  /** Whether another member has shown lately that it knows this process by the name. */
  readonly isKnown: boolean
  readonly incarnation: number
}

/** The contents of an ack: a claimant, or "foreign" for another program. */
export type Answer = Claimant | "foreign"

const kind = 0x74
const bytesMax = 64

export const encode = ({ bornAtMicros, incarnation, isKnown, life }: Claimant): Uint8Array => {
  const message = create(ClaimantSchema, { born: BigInt(bornAtMicros), life, isKnown, incarnation })
  return concat([Uint8Array.of(kind), toBinary(ClaimantSchema, message)])
}

/** Decodes the payload of an ack; "foreign" for anything unreadable. */
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
 * Whether `own` gives way to `other`: to a process that others know, if it is not known itself; else to the process
 * born first. Of two processes exactly one gives way.
 */
export const yields = (own: Claimant, other: Answer): boolean => {
  if (other === "foreign") return !own.isKnown
  if (own.isKnown !== other.isKnown) return other.isKnown
  return own.bornAtMicros === other.bornAtMicros ? own.life > other.life : own.bornAtMicros > other.bornAtMicros
}
