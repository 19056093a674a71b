/** What can be done to hosts and their network, as data: a list of it, with times, plays again what a test has done. */
import { Duration, Effect } from "effect"
import type { MemoryNetwork, Options, Protocol } from "../layers/memory/MemoryNetwork.ts"
import type { SimulationFailed } from "./Failed.ts"
import type { Hosts } from "./Hosts.ts"

/** The way from one host to another. */
export interface Way {
  readonly from: string
  readonly to: string
}

/** `cut` is both ways, `deafen` has the second host hear nothing of the first. */
export type Fault =
  | { readonly do: "cut" | "deafen"; readonly from: string; readonly to: string; readonly protocol?: Protocol }
  /** Groups that hear nothing of each other; a host that is in none hears all. */
  | { readonly do: "partition"; readonly groups: ReadonlyArray<ReadonlyArray<string>> }
  | { readonly do: "heal" }
  /** What packets suffer, on all ways, or on one with both `from` and `to`. */
  | ({ readonly do: "network" } & (Way | { readonly from?: never; readonly to?: never }) & Options)
  | { readonly do: "pause" | "resume" | "stop" | "start" | "restart"; readonly host: string }
  /** A process dies; with `power: "lost"` nobody says so to the others. */
  | { readonly do: "crash"; readonly host: string; readonly power?: "lost" }
  /** Sets the wall clock of a host forward, or back. */
  | { readonly do: "jump"; readonly host: string; readonly by: Duration.Input }
  /** Has the clocks of a host run faster or slower: 1 is right, from 0.5 to 2. */
  | { readonly do: "skew"; readonly host: string; readonly rate: number }

/** A fault, so long after the first of a list began. */
export type Step = { readonly at: Duration.Input } & Fault

const namesIn = (fault: Fault): ReadonlyArray<string> => {
  switch (fault.do) {
    case "cut":
    case "deafen":
      return [fault.from, fault.to]
    case "partition":
      return fault.groups.flat()
    case "heal":
      return []
    case "network":
      return [fault.from, fault.to].flatMap((name) => name ?? [])
    default:
      return [fault.host]
  }
}

const millisOf = ({ at }: Step): number => Duration.toMillis(at)

export interface Faults {
  readonly inject: (fault: Fault) => Effect.Effect<void, SimulationFailed>
  /** All that was injected, as steps. */
  readonly steps: ReadonlyArray<Step>
  /** Injects all, each at its time. Fails before the first when a host is unknown or time would run backwards. */
  readonly play: (steps: ReadonlyArray<Step>) => Effect.Effect<void, SimulationFailed>
}

export const make = (hosts: Hosts, network: MemoryNetwork["Service"]): Faults => {
  const steps: Array<Step> = []

  const check = (faults: ReadonlyArray<Fault>): Effect.Effect<void, SimulationFailed> =>
    Effect.forEach(faults.flatMap(namesIn), hosts.find, { discard: true })

  const partition = (groups: ReadonlyArray<ReadonlyArray<string>>): Effect.Effect<void> => {
    const pairs = groups.flatMap((group, i) =>
      groups.slice(i + 1).flatMap((other) => group.flatMap((a) => other.map((b) => [a, b] as const)))
    )
    return Effect.forEach(pairs, ([a, b]) => network.cut(a, b), { discard: true })
  }

  const perform = (fault: Fault): Effect.Effect<void, SimulationFailed> => {
    switch (fault.do) {
      case "cut":
        return network.cut(fault.from, fault.to, fault.protocol)
      case "deafen":
        return network.cutOneWay(fault.from, fault.to, fault.protocol)
      case "partition":
        return partition(fault.groups)
      case "heal":
        return network.heal
      case "network": {
        const { do: _, from, to, ...options } = fault
        return network.setPath(options, from === undefined || to === undefined ? undefined : { from, to })
      }
      case "pause":
        return hosts.pause(fault.host)
      case "resume":
        return hosts.resume(fault.host)
      case "stop":
        return hosts.stop(fault.host)
      case "start":
        return hosts.start(fault.host)
      case "restart":
        return Effect.andThen(hosts.crash(fault.host), hosts.start(fault.host))
      case "crash":
        return hosts.crash(fault.host, fault.power)
      case "jump":
        return hosts.jump(fault.host, Duration.toMillis(fault.by))
      case "skew":
        return hosts.skew(fault.host, fault.rate)
    }
  }

  const inject = (fault: Fault): Effect.Effect<void, SimulationFailed> =>
    Effect.andThen(
      check([fault]),
      Effect.suspend(() => {
        steps.push({ at: hosts.nowMillis(), ...fault })
        hosts.note("fault", JSON.stringify(fault))
        return perform(fault)
      })
    )

  const play = Effect.fnUntraced(function* (list: ReadonlyArray<Step>) {
    yield* check(list)
    let before = 0
    for (const step of list) {
      const millis = millisOf(step)
      if (!(millis >= before))
        return yield* hosts.fail("time", `step "${step.do}" is at ${millis} ms, after one at ${before} ms`)
      before = millis
    }
    const began = hosts.nowMillis()
    for (const step of list) {
      const { at, ...fault } = step
      const left = began + millisOf(step) - hosts.nowMillis()
      if (left > 0) yield* Effect.sleep(left)
      yield* inject(fault)
    }
  })

  return { inject, steps, play }
}
