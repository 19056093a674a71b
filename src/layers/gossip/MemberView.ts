/** MemberView: converts members of the membership machine into members as users see them. */
import { Option } from "effect"
import { host as textOf } from "../../protocol/Address.ts"
import * as HostMeta from "../../protocol/names/HostMeta.ts"
import type * as Swim from "../../protocol/swim/Swim.ts"
import type { Member } from "../../services/Gossip.ts"
import type { Host } from "../../services/Host.ts"

/** Decoded metadata, by its bytes: decoded once, and kept as long as some snapshot has the bytes. */
const decoded = new WeakMap<Uint8Array, Option.Option<HostMeta.HostMeta>>()

const decode = (meta: Uint8Array): Option.Option<HostMeta.HostMeta> => {
  const known = decoded.get(meta)
  if (known !== undefined) return known
  const fresh = HostMeta.decode(meta)
  decoded.set(meta, fresh)
  return fresh
}

/** Returns whether a member with this metadata is a grinta host. */
export const isHost = (meta: Uint8Array): boolean => Option.isSome(decode(meta))

const hostOf = (member: Swim.Member): Host | undefined => {
  const meta = Option.getOrUndefined(decode(member.meta))
  if (meta === undefined) return undefined
  const { flowPort, generation, locality, revision = 0, tags } = meta
  return { id: member.name, generation, address: textOf(member.address.bytes), flowPort, locality, tags, revision }
}

export const fromSwim = (member: Swim.Member): Member => ({
  id: member.name,
  status: member.status,
  incarnation: member.incarnation,
  address: textOf(member.address.bytes),
  port: member.address.port,
  meta: member.meta.slice(),
  host: hostOf(member)
})
