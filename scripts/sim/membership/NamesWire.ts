/** Name records in transit, as values that all hosts share: what is said many times is encoded once, and not decoded. */
import { Option, Result } from "effect"
import { host as textOf } from "../../../src/protocol/Address.ts"
import type { Message } from "../../../src/protocol/names/Exchange.ts"
import * as HostMeta from "../../../src/protocol/names/HostMeta.ts"
import * as NameRecords from "../../../src/protocol/names/NameRecords.ts"
import type { Host } from "../../../src/protocol/names/View.ts"
import type { Member } from "../../../src/protocol/swim/Member.ts"
import type { Cargo } from "./Host.ts"

export interface NamesWire {
  /** Gossiped records, encoded, and what their encoded forms say. */
  readonly payloads: WeakMap<NameRecords.NameRecord, Uint8Array>
  readonly messages: WeakMap<Uint8Array, Message>
  /** What the metadata of members say. */
  readonly metas: WeakMap<Uint8Array, Host>
}

export const make = (): NamesWire => ({ payloads: new WeakMap(), messages: new WeakMap(), metas: new WeakMap() })

/** What all hosts say of themselves. */
export const common = { flowPort: 7947, locality: "", tags: {} }

/** The metadata of a host in a life that began then. */
export const metaOf = (generation: number): Uint8Array =>
  Result.getOrElse(HostMeta.encode({ ...common, generation }), () => new Uint8Array(0))

/** The user message that gossips a record. */
export const payloadOf = ({ messages, payloads }: NamesWire, record: NameRecords.NameRecord): Uint8Array => {
  const known = payloads.get(record)
  if (known !== undefined) return known
  const payload = NameRecords.encode([record])
  payloads.set(record, payload)
  messages.set(payload, { records: [record] })
  return payload
}

/** What a user message says; undefined for one that is not about names. */
export const messageOf = ({ messages }: NamesWire, payload: Uint8Array): Message | undefined => {
  const known = messages.get(payload)
  if (known !== undefined) return known
  const decoded = Result.getOrUndefined(NameRecords.decode(payload))
  if (decoded !== undefined) messages.set(payload, decoded)
  return decoded
}

/** A member as a directory knows it; undefined for one that has no names. */
export const hostOf = ({ metas }: NamesWire, { address, meta, name }: Member): Host | undefined => {
  const known = metas.get(meta)
  if (known !== undefined) return known
  const said = Option.getOrUndefined(HostMeta.decode(meta))
  if (said === undefined) return undefined
  const host = { id: name, address: textOf(address.bytes), ...said }
  metas.set(meta, host)
  return host
}

/** A message for a stream, with its length. */
export const load = (message: Message): Cargo => {
  const { records, ...parts } = message
  return { message, bytes: NameRecords.encode(records, parts).length }
}
