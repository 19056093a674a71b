/**
 * Fingerprints of the Rpcs of a group, one by one: a group that has an Rpc more is compatible with the one before.
 *
 * Shape: 64 bits in 16 hex digits, over the JSON that the schemas derive (`JsonShape`): payload, result or elements of the
 * stream, and errors, whatever they are called.
 */
import { Schema } from "effect"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcSchema from "effect/rpc/RpcSchema"
import * as JsonShape from "../protocol/codec/JsonShape.ts"
import { fingerprint, toHex } from "../protocol/Fingerprint.ts"

/** One Rpc of a group, with what both sides compare. */
export interface Known {
  readonly isStream: boolean
  readonly fingerprint: string
}

const shapeOf = (schema: Schema.Constraint): string =>
  JsonShape.canonical(Schema.toJsonSchemaDocument(Schema.toCodecJson(schema)))

const know = (rpc: Rpc.AnyWithProps): Known => {
  const { error, value } = Rpc.exitSchema(rpc)
  const isStream = RpcSchema.isStreamSchema(rpc.successSchema)
  const success = RpcSchema.isStreamSchema(rpc.successSchema) ? rpc.successSchema.success : value
  const shapes = [rpc.payloadSchema, success, error].map(shapeOf)
  return { isStream, fingerprint: toHex(fingerprint([isStream ? "stream" : "call", ...shapes].join("\n"))) }
}

export interface Group {
  readonly requests: ReadonlyMap<string, unknown>
}

/** Looks up an Rpc of a group by its tag. Its fingerprint is made when it is first asked for. */
export const make = ({ requests }: Group): ((tag: string) => Known | undefined) => {
  const all = new Map<string, Known>()
  return (tag) => {
    const known = all.get(tag)
    if (known !== undefined) return known
    const rpc = requests.get(tag)
    if (!Rpc.isRpc(rpc)) return undefined
    const made = know(rpc)
    all.set(tag, made)
    return made
  }
}
