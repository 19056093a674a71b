/**
 * Pending changes of a watcher: the entry that it was shown, and the present one, for each entry that changed.
 *
 * States in between are skipped, and a change back to the entry shown is forgotten. So there is at most one note for
 * each entry that is shown or visible, whatever the number of changes, and none for a watcher that has read everything.
 */
import { Equal } from "effect"
import type { DownCause, Evidence, Output } from "./DirectoryState.ts"
import type { Entry } from "./View.ts"

type Down = Extract<Output, { readonly _tag: "Down" }>

interface Note {
  readonly shown: Entry | undefined
  readonly now: Entry | undefined
  /** Latest Down of an entry of this name and host, if any. */
  readonly down: Down | undefined
}

export interface Pending {
  /** Notes by name and host, in the order of the first change. */
  readonly notes: Map<string, Note>
  /** Iterator at the first note. */
  next: Iterator<readonly [string, Note]>
}

/** Change of an entry, as the directory reports it. */
export type EntryChange = Extract<Output, { readonly _tag: "Up" | "Down" }>

export type Change =
  | { readonly _tag: "Up"; readonly entry: Entry }
  | {
      readonly _tag: "Down"
      readonly entry: Entry
      readonly cause: DownCause
      readonly evidence: ReadonlyArray<Evidence>
    }

export const make = (): Pending => {
  const notes = new Map<string, Note>()
  return { notes, next: notes.entries() }
}

export const keyOf = ({ entry: { host, name } }: EntryChange): string => `${name}/${host.id}`

/** Notes a change. `key` is that of {@link keyOf}, computed once for all watchers. */
export const note = ({ notes }: Pending, key: string, change: EntryChange): void => {
  const noted = notes.get(key)
  const before = change._tag === "Up" ? change.replaced : change.entry
  const shown = noted === undefined ? before : noted.shown
  const now = change._tag === "Up" ? change.entry : undefined
  // A new owner comes after the end of the former one, even if it has shared the name before.
  if (shown?.ownership !== "unique" && now?.ownership === "unique") notes.delete(key)
  if (noted !== undefined && Equal.equals(shown, now)) notes.delete(key)
  else notes.set(key, { shown, now, down: change._tag === "Down" ? change : noted?.down })
}

/** Takes the first `countMax` notes out. Told in this order, a unique name never has two owners. */
export const take = (pending: Pending, countMax: number): ReadonlyArray<Change> => {
  const changes: Array<Change> = []
  for (let count = 0; count < countMax; count++) {
    const next = pending.next.next()
    if (next.done) {
      // An exhausted iterator stays exhausted.
      pending.next = pending.notes.entries()
      break
    }
    const [key, { down, now, shown }] = next.value
    pending.notes.delete(key)
    if (shown !== undefined && down !== undefined && now?.host.generation !== shown.host.generation)
      changes.push({ _tag: "Down", entry: shown, cause: down.cause, evidence: down.evidence })
    if (now !== undefined) changes.push({ _tag: "Up", entry: now })
  }
  return changes
}
