/**
 * Watchers of a name directory: each gets the state first, then the changes since it last looked.
 *
 * A watcher copies only the entries that have changed since they were shown: see `Pending`. So a watcher that keeps up
 * costs the same whatever the size of the directory, and a slow one at most a note for each entry of its prefix; it
 * blocks nobody, skips states that are over, and never misses the last one. A change costs the watchers whose prefix
 * the name has; of the others it costs only the number of different lengths of prefixes.
 */
import { Cause, Effect, Latch, type Scope, Stream } from "effect"
import { isReadonlyArrayNonEmpty, type NonEmptyReadonlyArray } from "effect/Array"
import type { Output } from "../../protocol/names/Directory.ts"
import * as Pending from "../../protocol/names/Pending.ts"
import * as View from "../../protocol/names/View.ts"
import type { RegistryEvent } from "../../services/Registry.ts"

export interface Watchers {
  /** Tells the watchers the outputs of a step of the directory. */
  readonly notify: (outputs: ReadonlyArray<Output>) => void
  readonly watch: (prefix: string) => Stream.Stream<RegistryEvent>
  /** Ends all streams, after their waiting events. */
  readonly close: () => void
}

/** Notes turned into events at a time: notes that wait can still be skipped. */
const takenMax = 1024

interface Watcher {
  readonly prefix: string
  /** Changes to show; undefined before the snapshot. */
  pending: Pending.Pending | undefined
  /** Open while there may be events to show. */
  readonly isDue: Latch.Latch
}

/** Makes an index of watchers by prefix. */
const makeAudience = () => {
  const byPrefix = new Map<string, Set<Watcher>>()
  /** Number of prefixes of each length. */
  const lengths = new Map<number, number>()

  const count = (length: number, change: 1 | -1): void => {
    const after = (lengths.get(length) ?? 0) + change
    if (after === 0) lengths.delete(length)
    else lengths.set(length, after)
  }

  return {
    isEmpty: () => byPrefix.size === 0,
    add: (watcher: Watcher): void => {
      const { prefix } = watcher
      const others = byPrefix.get(prefix)
      if (others !== undefined) others.add(watcher)
      else {
        byPrefix.set(prefix, new Set([watcher]))
        count(prefix.length, 1)
      }
    },
    remove: (watcher: Watcher): void => {
      const { prefix } = watcher
      const others = byPrefix.get(prefix)
      others?.delete(watcher)
      if (others?.size === 0 && byPrefix.delete(prefix)) count(prefix.length, -1)
    },
    /** Runs `tell` for each watcher of a prefix of `name`. */
    of: (name: string, tell: (watcher: Watcher) => void): void => {
      for (const length of lengths.keys()) if (length <= name.length) byPrefix.get(name.slice(0, length))?.forEach(tell)
    },
    all: (tell: (watcher: Watcher) => void): void => {
      for (const watchers of byPrefix.values()) watchers.forEach(tell)
    }
  }
}

const read = (watcher: Watcher, view: View.View): ReadonlyArray<RegistryEvent> => {
  if (watcher.pending !== undefined) {
    const changes = Pending.take(watcher.pending, takenMax)
    if (watcher.pending.notes.size > 0) watcher.isDue.openUnsafe()
    return changes
  }
  watcher.pending = Pending.make()
  return [{ _tag: "Snapshot", entries: View.scan(view, watcher.prefix) }]
}

export const make = (view: View.View): Watchers => {
  const audience = makeAudience()
  let isClosed = false

  /** Returns the next events. A latch resumes its waiters within a step, so the reader yields until that is over. */
  const pull = (watcher: Watcher): Effect.Effect<NonEmptyReadonlyArray<RegistryEvent>, Cause.Done> =>
    Effect.flatMap(Effect.andThen(watcher.isDue.await, Effect.yieldNow), () => {
      watcher.isDue.closeUnsafe()
      const events = read(watcher, view)
      if (isClosed) watcher.isDue.openUnsafe()
      if (isReadonlyArrayNonEmpty(events)) return Effect.succeed(events)
      return isClosed ? Cause.done() : pull(watcher)
    })

  const open = (prefix: string): Effect.Effect<Watcher, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const watcher: Watcher = { prefix, pending: undefined, isDue: Latch.makeUnsafe(true) }
        audience.add(watcher)
        return watcher
      }),
      (watcher) => Effect.sync(() => audience.remove(watcher))
    )

  const tell = (change: Pending.EntryChange): void => {
    const key = Pending.keyOf(change)
    audience.of(change.entry.name, ({ isDue, pending }) => {
      if (pending === undefined) return
      Pending.note(pending, key, change)
      isDue.openUnsafe()
    })
  }

  return {
    notify: (outputs) => {
      if (audience.isEmpty()) return
      for (const output of outputs) if (output._tag === "Up" || output._tag === "Down") tell(output)
    },
    watch: (prefix) =>
      Stream.unwrap(Effect.map(open(prefix), (watcher) => Stream.fromPull(Effect.succeed(pull(watcher))))),
    close: () => {
      isClosed = true
      audience.all(({ isDue }) => {
        isDue.openUnsafe()
      })
    }
  }
}
