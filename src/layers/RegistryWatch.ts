/**
 * Watching a name directory: state first, then what changed since the watcher last looked.
 *
 * A watcher keeps the entries that it has shown, which it shares with the directory, and which names have changed since.
 * So a slow one costs no more than a fast one, blocks nobody, skips states that are over, and never misses the last one.
 */
import { Cause, Effect, Latch, type Scope, Stream } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import type { Output } from "../protocol/names/Directory.ts"
import * as View from "../protocol/names/View.ts"
import type { DownCause, RegistryEvent } from "../services/Registry.ts"

export interface Watchers {
  /** Tells the watchers what a step of the directory gave. */
  readonly notify: (outputs: ReadonlyArray<Output>) => void
  readonly watch: (prefix: string) => Stream.Stream<RegistryEvent>
  /** Ends all streams, after what they have yet to show. */
  readonly close: () => void
}

/** Changed names that a watcher remembers; when there are more, it compares everything. */
const changedMax = 1024

interface Watcher {
  readonly prefix: string
  /** Entries by name, as shown; undefined before the snapshot. */
  shown: Map<string, ReadonlyArray<View.Entry>> | undefined
  /** Names that changed since; undefined when they are too many. */
  changed: Set<string> | undefined
  /** Why entries that are shown have gone, the latest cause of each. */
  readonly causes: Map<string, DownCause>
  /** Open while there may be something to show. */
  readonly isDue: Latch.Latch
}

const keyOf = (entry: View.Entry): string => `${entry.name}/${entry.host.id}`

const note = (watcher: Watcher, output: Extract<Output, { readonly _tag: "Up" | "Down" }>): void => {
  const { entry } = output
  const { causes, changed, isDue, prefix, shown } = watcher
  if (shown === undefined || !entry.name.startsWith(prefix)) return
  if (changed !== undefined && changed.size >= changedMax) watcher.changed = undefined
  else changed?.add(entry.name)
  const key = keyOf(entry)
  if (output._tag === "Down" && shown.get(entry.name)?.some((old) => keyOf(old) === key)) causes.set(key, output.cause)
  isDue.openUnsafe()
}

const snapshot = (watcher: Watcher, view: View.View): RegistryEvent => {
  const entries = View.scan(view, watcher.prefix)
  watcher.shown = Map.groupBy(entries, ({ name }) => name)
  return { _tag: "Snapshot", entries }
}

const changesOf = (
  watcher: Watcher,
  name: string,
  entries: ReadonlyArray<View.Entry>
): ReadonlyArray<RegistryEvent> => {
  const { come, gone } = View.difference(watcher.shown?.get(name) ?? [], entries)
  const down = gone.map((entry): RegistryEvent => {
    const cause = watcher.causes.get(keyOf(entry)) ?? "withdrawn"
    return { _tag: "Down", entry, cause }
  })
  return [...down, ...come.map(({ entry }): RegistryEvent => ({ _tag: "Up", entry }))]
}

/** What leads from the entries shown to the present ones, which are the shown ones from then on. */
const changes = (watcher: Watcher, view: View.View): ReadonlyArray<RegistryEvent> => {
  const { causes, changed, prefix, shown } = watcher
  if (shown === undefined) return [snapshot(watcher, view)]
  const names = changed ?? new Set([...shown.keys(), ...View.scan(view, prefix).map(({ name }) => name)])
  const events: Array<RegistryEvent> = []
  for (const name of [...names].sort()) {
    const entries = View.resolve(view, name)
    events.push(...changesOf(watcher, name, entries))
    if (entries.length === 0) shown.delete(name)
    else shown.set(name, entries)
  }
  watcher.changed = new Set()
  causes.clear()
  return events
}

export const make = (view: View.View): Watchers => {
  const watchers = new Set<Watcher>()
  let isClosed = false

  const pull = (watcher: Watcher): Effect.Effect<NonEmptyReadonlyArray<RegistryEvent>, Cause.Done> =>
    Effect.flatMap(watcher.isDue.await, () => {
      watcher.isDue.closeUnsafe()
      const events = changes(watcher, view)
      if (isClosed) watcher.isDue.openUnsafe()
      if (isReadonlyArrayNonEmpty(events)) return Effect.succeed(events)
      return isClosed ? Cause.done() : pull(watcher)
    })

  const open = (prefix: string): Effect.Effect<Watcher, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const isDue = Latch.makeUnsafe(true)
        const watcher: Watcher = { prefix, shown: undefined, changed: new Set(), causes: new Map(), isDue }
        watchers.add(watcher)
        return watcher
      }),
      (watcher) => Effect.sync(() => watchers.delete(watcher))
    )

  return {
    notify: (outputs) => {
      if (watchers.size === 0) return
      for (const output of outputs)
        if (output._tag === "Up" || output._tag === "Down") for (const watcher of watchers) note(watcher, output)
    },
    watch: (prefix) =>
      Stream.unwrap(Effect.map(open(prefix), (watcher) => Stream.fromPull(Effect.succeed(pull(watcher))))),
    close: () => {
      isClosed = true
      for (const watcher of watchers) watcher.isDue.openUnsafe()
    }
  }
}
