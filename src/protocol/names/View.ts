/**
 * What look-ups see: the live entries of each name, and the names in order.
 *
 * Entries and lists of entries are never changed, only replaced: whoever kept one compares by identity.
 */
import type { Ownership } from "./NameRecords.ts"

/** A host as the others see it. */
export interface Host {
  readonly id: string
  readonly generation: number
  readonly address: string
  readonly flowPort: number
  readonly locality: string
  readonly tags: Readonly<Record<string, string>>
}

/** A claim of a live host. */
export interface Entry {
  readonly name: string
  readonly ownership: Ownership
  readonly contract: bigint
  readonly host: Host
}

export interface View {
  /** By host id within a name; a name without entries is absent. */
  readonly byName: Map<string, ReadonlyArray<Entry>>
  /** The names in order, but for those in `moved`. */
  names: Array<string>
  /** Names that may have come or gone since `names` was put in order. */
  readonly moved: Set<string>
}

export const make = (): View => ({ byName: new Map(), names: [], moved: new Set() })

const none: ReadonlyArray<Entry> = []

/** The entries of a name, by host id. */
export const resolve = (view: View, name: string): ReadonlyArray<Entry> => view.byName.get(name) ?? none

/** Replaces the entries of a name; they come ordered by host id. */
export const set = (view: View, name: string, entries: ReadonlyArray<Entry>): void => {
  if (view.byName.has(name) !== entries.length > 0) view.moved.add(name)
  if (entries.length === 0) view.byName.delete(name)
  else view.byName.set(name, entries)
}

/** The first place at which a name of this prefix can be. */
const placeOf = (names: ReadonlyArray<string>, prefix: string): number => {
  let low = 0
  let high = names.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((names[middle] ?? "") < prefix) low = middle + 1
    else high = middle
  }
  return low
}

/** Up to this many names are put in place one by one; for more, everything is sorted once. */
const fewNames = 16

const put = ({ byName, names }: View, name: string): void => {
  const place = placeOf(names, name)
  const isListed = names[place] === name
  if (byName.has(name) !== isListed) names.splice(place, isListed ? 1 : 0, ...(isListed ? [] : [name]))
}

/** Names come and go in bursts, so they are put in order when somebody looks; sorting two ordered runs is one pass. */
const ordered = (view: View): ReadonlyArray<string> => {
  const { byName, moved } = view
  if (moved.size <= fewNames) for (const name of moved) put(view, name)
  else {
    const kept = view.names.filter((name) => !moved.has(name))
    const come = [...moved].filter((name) => byName.has(name)).sort()
    view.names = [...kept, ...come].sort()
  }
  moved.clear()
  return view.names
}

/** The names that start with `prefix`, in order. */
export const names = (view: View, prefix: string): ReadonlyArray<string> => {
  const all = ordered(view)
  const found: Array<string> = []
  for (let at = placeOf(all, prefix); at < all.length; at++) {
    const name = all[at]
    if (name === undefined || !name.startsWith(prefix)) break
    found.push(name)
  }
  return found
}

/** The entries whose name starts with `prefix`, in the order of names, then of host ids. */
export const scan = (view: View, prefix: string): ReadonlyArray<Entry> =>
  names(view, prefix).flatMap((name) => resolve(view, name))

export interface Difference {
  readonly gone: ReadonlyArray<Entry>
  /** New, or changed: an entry of the same life takes the place of the one before without a word of its going. */
  readonly come: ReadonlyArray<Entry>
}

/** What leads from one list of entries of a name to another, both by host id. */
export const difference = (before: ReadonlyArray<Entry>, after: ReadonlyArray<Entry>): Difference => {
  const gone: Array<Entry> = []
  const come: Array<Entry> = []
  let at = 0
  for (const entry of after) {
    for (; at < before.length; at++) {
      const old = before[at]
      if (old === undefined || old.host.id >= entry.host.id) break
      gone.push(old)
    }
    const old = before[at]
    if (old === undefined || old.host.id !== entry.host.id) come.push(entry)
    else {
      at += 1
      if (old === entry) continue
      if (old.host.generation !== entry.host.generation) gone.push(old)
      come.push(entry)
    }
  }
  return { gone: [...gone, ...before.slice(at)], come }
}
