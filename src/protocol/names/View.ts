/**
 * What look-ups see: the live entries of each name, and the names in order.
 *
 * Entries are never changed, only replaced: whoever kept one compares by identity.
 */
import { toHex } from "../Fingerprint.ts"
import * as NameIndex from "./NameIndex.ts"
import type { NameRecord, Ownership } from "./NameRecords.ts"

/** A host as the others see it. */
export interface Host {
  readonly id: string
  readonly generation: number
  readonly address: string
  readonly flowPort: number
  readonly revision?: number
  readonly locality: string
  readonly tags: Readonly<Record<string, string>>
}

/** A claim of a live host. */
export interface Entry {
  readonly name: string
  readonly ownership: Ownership
  readonly contract: bigint
  readonly compatible?: NonNullable<NameRecord["compatible"]>
  readonly host: Host
}

/** An entry that can be written as JSON, with its fingerprints in hex. */
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

/** The entries of a name, by host id. One alone stands for the list of it, which most names would have. */
type Entries = Entry | ReadonlyArray<Entry>

/** The same twice; a name without entries is absent. */
export interface View {
  readonly byName: Map<string, Entries>
  readonly inOrder: NameIndex.NameIndex<Entries>
}

export const make = (): View => ({ byName: new Map(), inOrder: NameIndex.make() })

const none: ReadonlyArray<Entry> = []

/** The entries of a name, by host id. */
export const resolve = ({ byName }: View, name: string): ReadonlyArray<Entry> => {
  const found = byName.get(name)
  if (found === undefined) return none
  return "host" in found ? [found] : found
}

/** Replaces the entries of a name; they come ordered by host id. */
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

/** The same name, as the string that is kept already, if one is: names come in over and over. */
export const shared = ({ byName }: View, name: string): string => {
  const found = byName.get(name)
  if (found === undefined) return name
  return ("host" in found ? found.name : found[0]?.name) ?? name
}

/** The entries whose name starts with `prefix`, in the order of names, then of host ids. */
export const scan = (view: View, prefix: string): ReadonlyArray<Entry> =>
  NameIndex.withPrefix(view.inOrder, prefix).flat(1)

/** An entry that is new, or that takes the place of one of the same life without a word of that one's going. */
export interface Arrival {
  readonly entry: Entry
  readonly replaced: Entry | undefined
}

export interface Difference {
  readonly gone: ReadonlyArray<Entry>
  readonly come: ReadonlyArray<Arrival>
}

/** What leads from one list of entries of a name to another, both by host id. */
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
