/**
 * What a grinta host says of itself in the metadata of its gossip member.
 *
 * Shape: one protobuf `grinta.v1.HostMeta` filling the memberlist field Meta; tags sorted by key.
 * Other programs in the same cluster put something else there, or nothing: that is no fault, they are just no grinta hosts.
 * Source: `proto/grinta/v1/names.proto`; memberlist-protocol.md, section 4 (Meta).
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { Data, Option, Result } from "effect"
import { HostMetaSchema } from "../gen/grinta/v1/names_pb.ts"

/** Limit of the memberlist field Meta. */
export const metaBytesMax = 512

/** Version of the frames and records spoken here. */
export const wireVersion = 1

const portMax = 65_535

export interface HostMeta {
  /** Port of the flow plane; 0 when the host serves no flows beyond its own process. */
  readonly flowPort: number
  /** Start of this life of the host, in microseconds since 1970. */
  readonly generation: number
  readonly locality: string
  readonly tags: Readonly<Record<string, string>>
}

/** Locality and tags do not fit. */
export class MetaTooLong extends Data.TaggedError("MetaTooLong")<{
  readonly bytes: number
  readonly bytesMax: number
}> {}

const byKey = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1)

/**
 * Encodes what this host says of itself.
 *
 * Errors: `MetaTooLong` above {@link metaBytesMax} bytes; shorten locality or tags.
 */
export const encode = (meta: HostMeta): Result.Result<Uint8Array, MetaTooLong> => {
  const bytes = toBinary(
    HostMetaSchema,
    create(HostMetaSchema, {
      wireVersion,
      flowPort: meta.flowPort,
      generation: BigInt(meta.generation),
      locality: meta.locality,
      tags: Object.fromEntries(Object.entries(meta.tags).sort(byKey))
    })
  )
  return bytes.length > metaBytesMax
    ? Result.fail(new MetaTooLong({ bytes: bytes.length, bytesMax: metaBytesMax }))
    : Result.succeed(bytes)
}

/** What a member says of itself; none for anything that is not a grinta host. */
export const decode = (bytes: Uint8Array): Option.Option<HostMeta> => {
  if (bytes.length === 0 || bytes.length > metaBytesMax) return Option.none()
  const parsed = Result.try(() => fromBinary(HostMetaSchema, bytes))
  if (Result.isFailure(parsed)) return Option.none()
  const { flowPort, generation, locality, tags, wireVersion } = parsed.success
  if (wireVersion < 1 || flowPort > portMax || generation < 1n || generation > BigInt(Number.MAX_SAFE_INTEGER))
    return Option.none()
  return Option.some({ flowPort, generation: Number(generation), locality, tags })
}
