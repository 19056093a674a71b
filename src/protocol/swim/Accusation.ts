/**
 * Accusation: the accuser's evidence, gossiped beside the suspect or dead message, which names only the accuser.
 *
 * Shape: one byte, 0x77 ("w", for why), then `grinta.v1.Accusation`; a user message of the memberlist protocol, which
 * other programs ignore.
 * Source: `proto/grinta/v1/membership.proto`.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { Option, Result } from "effect"
import { concat } from "../Bytes.ts"
import { AccusationSchema } from "../gen/grinta/v1/membership_pb.ts"

export interface Accusation {
  readonly accused: string
  readonly incarnation: number
  readonly accuser: string
  /** Probes in a row that failed, at least 1. */
  readonly probesMissed: number
  /** The accuser's health score; 0 is healthy. */
  readonly accuserHealth: number
}

const kind = 0x77
const bytesMax = 1024

export const isAccusation = (payload: Uint8Array): boolean => payload[0] === kind

export const encode = (accusation: Accusation): Uint8Array =>
  concat([Uint8Array.of(kind), toBinary(AccusationSchema, create(AccusationSchema, accusation))])

/** Decodes an accusation; None for any other payload, and for values that no accuser could have sent. */
export const decode = (payload: Uint8Array): Option.Option<Accusation> => {
  if (!isAccusation(payload) || payload.length > bytesMax) return Option.none()
  const decoded = Result.getSuccess(Result.try(() => fromBinary(AccusationSchema, payload.subarray(1))))
  return Option.flatMap(decoded, ({ accused, accuser, accuserHealth, incarnation, probesMissed }) =>
    accused === "" || accuser === "" || probesMissed === 0
      ? Option.none()
      : Option.some({ accused, incarnation, accuser, probesMissed, accuserHealth })
  )
}
