/** Checks of all hosts of a simulation: they agree, and show nothing that is over. */
import { Context, Effect } from "effect"
import { Gossip } from "../services/Gossip.ts"
import { type Entry, Registry } from "../services/Registry.ts"
import type { SimulationFailed } from "./Failed.ts"
import type { Hosts, Services } from "./Hosts.ts"

export interface Checks {
  /** All hosts that run see each other alive, and nobody else, and see the same names. */
  readonly converged: Effect.Effect<void, SimulationFailed>
  /** No host that runs shows a name of a host, or of a life of one, that is over. */
  readonly noGhosts: Effect.Effect<void, SimulationFailed>
  /** Waits until both hold, and fails with what does not when it takes longer. Gives how long it took, in milliseconds. */
  readonly settledWithin: (millis: number) => Effect.Effect<number, SimulationFailed>
}

/** How often it is looked whether hosts have settled, in milliseconds. */
const lookMillis = 50
/** Differences that an error tells of. */
const toldMax = 5

interface Up {
  readonly name: string
  readonly services: Context.Context<Services>
}

const sorted = (texts: Iterable<string>): string => [...texts].sort().join(" ")

const keyOf = ({ host, name }: Entry): string => `${name}@${host.id}`

export const make = (hosts: Hosts): Checks => {
  const up = (): ReadonlyArray<Up> =>
    [...hosts.machines.values()].flatMap(({ name, process, services }) =>
      services === undefined || process === undefined || process.isPaused ? [] : [{ name, services }]
    )

  const entriesAt = ({ services }: Up): Effect.Effect<ReadonlyArray<Entry>> => Context.get(services, Registry).scan("")

  const differences = Effect.gen(function* () {
    const running = up()
    const expected = sorted(running.map(({ name }) => name))
    const found: Array<string> = []
    let names: { readonly at: string; readonly text: string } | undefined
    for (const one of running) {
      const members = yield* Context.get(one.services, Gossip).members
      const live = members.filter(({ status }) => status === "alive" || status === "suspect")
      const alive = sorted(live.map(({ id, status }) => (status === "alive" ? id : `${id} (suspect)`)))
      if (alive !== expected) found.push(`"${one.name}" sees ${alive} alive, and ${expected} are`)
      const text = sorted((yield* entriesAt(one)).map(keyOf))
      if (names === undefined) names = { at: one.name, text }
      else if (names.text !== text)
        found.push(`"${one.name}" shows the names ${text || "none"}, and "${names.at}" ${names.text || "none"}`)
    }
    return found
  })

  const ghosts = Effect.gen(function* () {
    const running = up()
    const lives = new Map<string, number | undefined>()
    for (const { name, services } of running)
      lives.set(name, (yield* Context.get(services, Gossip).self).host?.generation)
    const found: Array<string> = []
    for (const one of running)
      for (const entry of yield* entriesAt(one)) {
        const { generation, id } = entry.host
        const isPaused = hosts.machines.get(id)?.process?.isPaused === true
        if (lives.get(id) !== generation && !isPaused) found.push(`"${one.name}" shows ${keyOf(entry)}, which is over`)
      }
    return found
  })

  const none = (looking: Effect.Effect<ReadonlyArray<string>>): Effect.Effect<void, SimulationFailed> =>
    Effect.flatMap(looking, (found) =>
      found.length === 0 ? Effect.void : hosts.fail("unsettled", found.slice(0, toldMax).join("; "))
    )

  const [converged, noGhosts] = [none(differences), none(ghosts)]

  const settledWithin: Checks["settledWithin"] = Effect.fnUntraced(function* (millis) {
    const began = hosts.nowMillis()
    const both = Effect.andThen(converged, noGhosts)
    while (true) {
      const left = began + millis - hosts.nowMillis()
      if (left <= 0) yield* both
      else if ((yield* Effect.exit(both))._tag === "Success") return hosts.nowMillis() - began
      else yield* Effect.sleep(Math.min(lookMillis, left))
      if (left <= 0) return hosts.nowMillis() - began
    }
  })

  return { converged, noGhosts, settledWithin }
}
