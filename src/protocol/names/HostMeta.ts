/**
 * Metadata of a grinta host in its gossip member.
 *
 * Shape: one protobuf `grinta.v1.HostMeta` filling the memberlist field Meta; tags sorted by key. Other programs in the
 * same cluster put something else there, or nothing: that is no fault, they are just no grinta hosts.
 * Source: `proto/grinta/v1/names.proto`; memberlist-wire.md, section 4 (Meta).
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { Data, Option, Result } from "effect"
import { revision } from "../flow/Frame.ts"
import { HostMetaSchema } from "../gen/grinta/v1/names_pb.ts"
import * as Life from "./Life.ts"

/** Limit of the memberlist field Meta, in bytes. */
export const metaBytesMax = 512

/** Wire version of the frames and records of this code. */
export const wireVersion = 1

const portMax = 65_535
const epochMax = 2 ** 32 - 1

export interface HostMeta {
  /** Port of the flow plane; 0 when the host serves no flows beyond its own process. */
  readonly flowPort: number
  /** Start of this life of the host, in microseconds since 1970. */
  readonly generation: number
  readonly locality: string
  readonly tags: Readonly<Record<string, string>>
  /** Revision of the frames that the host speaks; see `Frame.revision`. Encoding always writes that of this code. */
  readonly revision?: number
  /** How often this life has restarted its incarnation count; 0 when not given. Wraps from 2^32 - 1 to 1. */
  readonly epoch?: number
}

/** Error: locality and tags do not fit. */
export class MetaTooLong extends Data.TaggedError("MetaTooLong")<{
  readonly bytes: number
  readonly bytesMax: number
}> {}

const byKey = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1)

/**
 * Encodes the metadata of this host.
 *
 * Errors: `MetaTooLong` above {@link metaBytesMax} bytes; shorten locality or tags.
 */
export const encode = (meta: HostMeta): Result.Result<Uint8Array, MetaTooLong> => {
  const message = create(HostMetaSchema, {
    wireVersion,
    revision,
    flowPort: meta.flowPort,
    generation: BigInt(meta.generation),
    locality: meta.locality,
    tags: Object.fromEntries(Object.entries(meta.tags).sort(byKey)),
    epoch: epochMax
  })
  // The size check leaves room for any epoch.
  const bytes = toBinary(HostMetaSchema, message).length
  if (bytes > metaBytesMax) return Result.fail(new MetaTooLong({ bytes, bytesMax: metaBytesMax }))
  message.epoch = meta.epoch ?? 0
  return Result.succeed(toBinary(HostMetaSchema, message))
}

/** Decodes the metadata of a member; none for anything that is not a grinta host. */
export const decode = (bytes: Uint8Array): Option.Option<HostMeta> => {
  if (bytes.length === 0 || bytes.length > metaBytesMax) return Option.none()
  const parsed = Result.try(() => fromBinary(HostMetaSchema, bytes))
  if (Result.isFailure(parsed)) return Option.none()
  const { epoch, flowPort, generation, locality, revision, tags, wireVersion } = parsed.success
  if (wireVersion < 1 || flowPort > portMax || generation < 1n || generation > BigInt(Number.MAX_SAFE_INTEGER))
    return Option.none()
  return Option.some({ flowPort, generation: Number(generation), locality, tags, epoch, revision })
}

/** Compares epochs on a circle, so that none is the last one. */
const isAfter = (epoch: number, than: number): boolean => ((epoch - than) | 0) > 0

/**
 * Returns true when metadata shows that its host restarted its incarnation count, no earlier than in `than`.
 *
 * Of two lives of one host neither is later by this: the start of a life is no count that all can go above.
 */
export const isLater = (meta: Uint8Array, than: Uint8Array): boolean => {
  const [a, b] = [Option.getOrUndefined(decode(meta)), Option.getOrUndefined(decode(than))]
  if (a?.epoch === undefined || a.epoch === 0) return false
  return b?.generation !== a.generation || isAfter(a.epoch, b.epoch ?? 0)
}

/** Returns the metadata with the next epoch, above its own and above that in `heard` of the same life. */
export const nextEpoch = (meta: Uint8Array, heard: Uint8Array | undefined): Uint8Array | undefined => {
  const own = Option.getOrUndefined(decode(meta))
  if (own === undefined) return undefined
  const { epoch = 0, generation } = own
  const other = heard === undefined ? undefined : Option.getOrUndefined(decode(heard))
  const last = other?.generation === generation && isAfter(other.epoch ?? 0, epoch) ? (other.epoch ?? 0) : epoch
  return Option.getOrUndefined(Result.getSuccess(encode({ ...own, epoch: last === epochMax ? 1 : last + 1 })))
}

const startsOf = (metas: ReadonlyArray<Uint8Array>): ReadonlyArray<number> =>
  metas.flatMap((meta) => Option.match(decode(meta), { onNone: () => [], onSome: ({ generation }) => [generation] }))

/**
 * Returns the metadata of a young host with a life after those that it has heard of, as `Life.beginsAfter` has it, by
 * the newest life that members have `shown`; undefined when its own will do, or when nobody has shown any.
 */
export const begin = (
  meta: Uint8Array,
  heard: {
    readonly ageMillis: number
    readonly formers: ReadonlyArray<Uint8Array>
    readonly others: ReadonlyArray<Uint8Array>
    readonly shown: ReadonlyArray<Uint8Array>
  }
): Uint8Array | undefined => {
  const { ageMillis } = heard
  const own = ageMillis < Life.youngMillis ? Option.getOrUndefined(decode(meta)) : undefined
  const shown = own === undefined ? [] : startsOf(heard.shown)
  if (own === undefined || shown.length === 0) return undefined
  const newest = Math.max(...shown)
  const isPossible = (generation: number): boolean =>
    Life.isPossible(generation, newest, own.generation + ageMillis * 1000)
  const after = Life.beginsAfter(
    { generation: own.generation, ageMillis },
    startsOf(heard.formers),
    startsOf(heard.others),
    isPossible
  )
  if (after === undefined || after >= Number.MAX_SAFE_INTEGER) return undefined
  return Option.getOrUndefined(Result.getSuccess(encode({ ...own, generation: after + 1 })))
}

/** Order of a host's lives in its metadata, for the membership protocol. */
export const lives = { isLater, next: nextEpoch, begin }
