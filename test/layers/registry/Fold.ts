/** What the events of a watch add up to. */
import { Effect, Stream } from "effect"
import type { Evidence } from "../../../src/services/Gossip.ts"
import type { Entry, RegistryEvent } from "../../../src/services/Registry.ts"

export interface Fold {
  readonly entries: Map<string, Entry>
  readonly events: Array<string>
}

export const make = (): Fold => ({ entries: new Map(), events: [] })

const keyOf = ({ host, name }: Entry): string => `${name}@${host.id}`

const byOf = ({ accuser }: Evidence): string => `by ${accuser}`

export const add = ({ entries, events }: Fold, event: RegistryEvent): void => {
  switch (event._tag) {
    case "Snapshot":
      entries.clear()
      for (const entry of event.entries) entries.set(keyOf(entry), entry)
      events.push(`snapshot ${event.entries.map(keyOf)}`)
      break
    case "Up":
      entries.set(keyOf(event.entry), event.entry)
      events.push(`up ${keyOf(event.entry)}`)
      break
    case "Down":
      if (!entries.delete(keyOf(event.entry))) events.push("down of what was not up")
      events.push(`down ${[keyOf(event.entry), event.cause, ...event.evidence.map(byOf)].join(" ")}`)
      break
  }
}

/** The entries in the order in which `scan` gives them. */
export const scan = ({ entries }: Fold): ReadonlyArray<Entry> =>
  [...entries.values()].sort((a, b) =>
    a.name === b.name ? (a.host.id < b.host.id ? -1 : 1) : a.name < b.name ? -1 : 1
  )

/** Folds a watch as fast as it goes, in a fiber of the caller's scope; `pause` runs after each event. */
export const start = Effect.fnUntraced(function* (
  watch: Stream.Stream<RegistryEvent>,
  pause: Effect.Effect<void> = Effect.void
) {
  const fold = make()
  const each = (event: RegistryEvent) =>
    Effect.andThen(
      Effect.sync(() => add(fold, event)),
      pause
    )
  yield* Effect.forkScoped(Stream.runForEach(watch, each))
  yield* settle
  return fold
})

/** Lets all fibers go on that can. */
export const settle = Effect.forEach(Array.from({ length: 30 }), () => Effect.yieldNow, { discard: true })

/** Folds a watch to its end. */
export const collect = Effect.fnUntraced(function* (watch: Stream.Stream<RegistryEvent>) {
  const fold = make()
  yield* Stream.runForEach(watch, (event) => Effect.sync(() => add(fold, event)))
  return fold
})
