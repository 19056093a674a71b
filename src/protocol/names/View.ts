/**
 * View of look-ups: the live entries of each name, and the names in order.
 *
 * Entries are immutable, and replaced when they change: compare kept ones by identity.
 */
import { toHex } from "../Fingerprint.ts"
import * as NameIndex from "./NameIndex.ts"
import type { NameRecord, Ownership } from "./NameRecords.ts"

/** Host, as the others see it. */
export interface Host {
  readonly id: string
  readonly generation: number
  readonly address: string
  readonly flowPort: number
  readonly revision?: number
  readonly locality: string
  readonly tags: Readonly<Record<string, string>>
}

/** Returns true when look-ups cannot tell two states of a host apart. */
export const isSameHost = (a: Host, b: Host): boolean =>
  a.generation === b.generation &&
  a.address === b.address &&
  a.flowPort === b.flowPort &&
  a.locality === b.locality &&
  Object.keys(a.tags).length === Object.keys(b.tags).length &&
  Object.entries(a.tags).every(([key, value]) => b.tags[key] === value)

/** Claim of a live host. */
export interface Entry {
  readonly name: string
  readonly ownership: Ownership
  readonly contract: bigint
  readonly compatible?: NonNullable<NameRecord["compatible"]>
  readonly host: Host
}

/** Entry that prints as JSON, with its fingerprints in hex. */
class Shown implements Entry {
  readonly name: string
  readonly ownership: Ownership
  readonly contract: bigint
  declare readonly compatible?: NonNullable<NameRecord["compatible"]>
  readonly host: Host

  constructor({ compatible, contract, host, name, ownership }: Entry) {
    this.name = name
    this.ownership = ownership
    this.contract = contract
    if (compatible !== undefined) this.compatible = compatible
    this.host = host
  }

  toJSON(): unknown {
    const { compatible, contract } = this
    return { ...this, contract: toHex(contract), ...(compatible && { compatible: compatible.map(toHex) }) }
  }
}

export const shown = (entry: Entry): Entry => new Shown(entry)

/** Entries of a name, by host id. A single one, as most names have, stands for its list. */
type Entries = Entry | ReadonlyArray<Entry>

/** Entries twice, by name and in order; a name without entries is absent. */
export interface View {
  readonly byName: Map<string, Entries>
  readonly inOrder: NameIndex.NameIndex<Entries>
}

export const make = (): View => ({ byName: new Map(), inOrder: NameIndex.make() })

const none: ReadonlyArray<Entry> = []

/** Returns the entries of a name, by host id. */
export const resolve = ({ byName }: View, name: string): ReadonlyArray<Entry> => {
  const found = byName.get(name)
  if (found === undefined) return none
  return "host" in found ? [found] : found
}

/** Replaces the entries of a name; `entries` is ordered by host id. */
export const set = ({ byName, inOrder }: View, name: string, entries: ReadonlyArray<Entry>): void => {
  const [first] = entries
  if (first === undefined) {
    byName.delete(name)
    NameIndex.remove(inOrder, name)
  } else {
    const kept = entries.length === 1 ? first : entries
    byName.set(name, kept)
    NameIndex.put(inOrder, name, kept)
  }
}

/** Returns the stored string equal to a name, if there is one, since the same names come in over and over. */
export const shared = ({ byName }: View, name: string): string => {
  const found = byName.get(name)
  if (found === undefined) return name
  return ("host" in found ? found.name : found[0]?.name) ?? name
}

/** Returns the entries whose name starts with `prefix`, by name, then by host id. */
export const scan = (view: View, prefix: string): ReadonlyArray<Entry> =>
  NameIndex.withPrefix(view.inOrder, prefix).flat(1)

/** New entry, or one that replaces an entry of the same life without a Down of that. */
export interface Arrival {
  readonly entry: Entry
  readonly replaced: Entry | undefined
}

export interface Difference {
  readonly gone: ReadonlyArray<Entry>
  readonly come: ReadonlyArray<Arrival>
}

/** Returns the changes between two lists of entries of a name, both by host id. */
export const difference = (before: ReadonlyArray<Entry>, after: ReadonlyArray<Entry>): Difference => {
  const gone: Array<Entry> = []
  const come: Array<Arrival> = []
  let at = 0
  for (const entry of after) {
    for (; at < before.length; at++) {
      const old = before[at]
      if (old === undefined || old.host.id >= entry.host.id) break
      gone.push(old)
    }
    const old = before[at]
    if (old === undefined || old.host.id !== entry.host.id) come.push({ entry, replaced: undefined })
    else {
      at += 1
      if (old === entry) continue
      const isSameLife = old.host.generation === entry.host.generation
      if (!isSameLife) gone.push(old)
      come.push({ entry, replaced: isSameLife ? old : undefined })
    }
  }
  return { gone: [...gone, ...before.slice(at)], come }
}
