/** Random programs over whole hosts, as data: who opens which flows, what both sides do on them, and what befalls the hosts. */

import type { Simulation } from "../../../src/testing/index.ts"
import * as Random from "../../../src/testing/Random.ts"

/** What a handler does once it has read so many messages: nothing else, or it goes another way. */
export type Turn = "on" | "end" | "return" | "refuse" | "refuse after its end" | "die" | "pause"

export interface FlowPlan {
  readonly id: string
  /** Messages that the caller sends, all at once or one by one, and how large each is, in characters. */
  readonly messages: number
  readonly together: boolean
  readonly size: number
  readonly pauseMillis: number
  /** How long the caller waits before the first of them. */
  readonly waitMillis: number
  /** Whether the caller says `end`. */
  readonly ends: boolean
  /** How the caller reads: to the end, slowly, some and later the rest, with a timeout each time, all that waits, not at all. */
  readonly reads: "all" | "slowly" | "some" | "timeouts" | "batches" | "nothing"
  readonly turn: Turn
  readonly turnAt: number
  /** Answers that a handler gives to each message. */
  readonly answers: number
  /** When the caller is interrupted: after so long, and then so many turns of its host. */
  readonly interrupt: { readonly millis: number; readonly turns: number } | undefined
  readonly deadlineMillis: number | undefined
}

export interface ClientPlan {
  readonly host: string
  readonly startMillis: number
  readonly flows: ReadonlyArray<FlowPlan>
}

export interface Program {
  readonly seed: string
  readonly hosts: ReadonlyArray<string>
  readonly servers: ReadonlyArray<string>
  readonly concurrency: number
  readonly network: NonNullable<Simulation.Options["network"]>
  /** 3 has fibers take turns at every operation. */
  readonly opsPerTurn: number
  readonly clients: ReadonlyArray<ClientPlan>
  readonly steps: ReadonlyArray<Simulation.Step>
}

/** How long faults go on, in milliseconds. */
const faultsMillis = 30_000

interface Chance {
  readonly below: (bound: number) => number
  readonly is: (share: number) => boolean
  readonly of: <A>(all: readonly [A, ...ReadonlyArray<A>]) => A
}

const chanceOf = (seed: string): Chance => {
  const random = Random.make(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  return { below, is: (share) => random() < share, of: (all) => all[below(all.length)] ?? all[0] }
}

const flowOf = (id: string, { below, is, of }: Chance): FlowPlan => {
  const isLarge = is(0.15)
  const messages = is(0.1) ? 0 : isLarge ? 1 + below(5) : 1 + below(30)
  return {
    id,
    messages,
    together: is(0.3),
    size: isLarge ? 60_000 + below(100_000) : below(200),
    pauseMillis: is(0.4) ? below(400) : 0,
    waitMillis: is(0.4) ? below(8_000) : 0,
    ends: is(0.75),
    reads: of(["all", "slowly", "some", "timeouts", "batches", "nothing"]),
    turn: of(["on", "on", "on", "end", "return", "refuse", "refuse after its end", "die", "pause"]),
    turnAt: below(messages + 2),
    answers: is(0.15) ? 50 : below(3),
    interrupt: is(0.25) ? { millis: below(200) * (is(0.3) ? 20 : 1), turns: below(200) } : undefined,
    deadlineMillis: is(0.1) ? 200 + below(5_000) : undefined
  }
}

const stepsOf = (hosts: ReadonlyArray<string>, chance: Chance): ReadonlyArray<Simulation.Step> => {
  const { below, is, of } = chance
  const steps: Array<Simulation.Step> = []
  const running = new Set(hosts)
  const paused = new Set<string>()
  const anyOf = (names: Iterable<string>): string | undefined => {
    const all = [...names]
    return all[below(all.length)]
  }
  const pair = (): { readonly from: string; readonly to: string } => {
    const from = anyOf(hosts) ?? "h1"
    return { from, to: anyOf(hosts.filter((name) => name !== from)) ?? "h1" }
  }
  let at = 0
  for (let left = below(7); left > 0; left--) {
    at += below((2 * faultsMillis) / 7)
    const protocol = of<"udp" | "tcp" | undefined>(["udp", "tcp", undefined])
    const cut = protocol === undefined ? {} : { protocol }
    const up = [...running].filter((name) => !paused.has(name))
    switch (of(["cut", "deafen", "split", "heal", "pause", "crash", "power", "stop", "restart", "loss", "slow"])) {
      case "cut":
        steps.push({ at, do: "cut", ...pair(), ...cut })
        break
      case "deafen":
        steps.push({ at, do: "deafen", ...pair(), ...cut })
        break
      case "split": {
        const half = 1 + below(hosts.length - 1)
        steps.push({ at, do: "partition", groups: [hosts.slice(0, half), hosts.slice(half)] })
        break
      }
      case "heal":
        steps.push({ at, do: "heal" })
        break
      case "pause": {
        const host = anyOf(up)
        if (host === undefined) break
        steps.push({ at, do: "pause", host })
        at += below(10_000)
        steps.push({ at, do: "resume", host })
        break
      }
      case "crash":
      case "power":
      case "stop": {
        const host = anyOf(up)
        if (host === undefined) break
        if (is(0.3)) steps.push({ at, do: "stop", host })
        else steps.push({ at, do: "crash", host, ...(is(0.5) ? { power: "lost" as const } : {}) })
        at += below(8_000)
        steps.push({ at, do: "start", host })
        break
      }
      case "restart": {
        const host = anyOf(up)
        if (host !== undefined) steps.push({ at, do: "restart", host })
        break
      }
      case "loss":
        steps.push({ at, do: "network", loss: of([0, 0.02, 0.2]) })
        break
      case "slow":
        steps.push({ at, do: "network", latency: of([0, 1, 30, 200]), jitter: of([0, 5, 50]) })
        break
    }
  }
  return steps
}

export const make = (seed: string): Program => {
  const chance = chanceOf(`delivery ${seed}`)
  const { below, is, of } = chance
  const hosts = Array.from({ length: 2 + below(3) }, (_, i) => `h${i + 1}`)
  let flows = 0
  const clientOf = (): ClientPlan => ({
    host: hosts[below(hosts.length)] ?? "h1",
    startMillis: is(0.3) ? below(faultsMillis) : below(2_000),
    flows: Array.from({ length: 1 + below(4) }, () => flowOf(`f${++flows}`, chance))
  })
  return {
    seed,
    hosts,
    servers: hosts.slice(0, 1 + below(2)),
    concurrency: is(0.2) ? 1 + below(2) : 1_000,
    network: {
      latency: of([0, 1, 5, 40]),
      jitter: of([0, 0, 3, 30]),
      loss: of([0, 0, 0, 0.01, 0.1]),
      ...(is(0.2) ? { bitsPerSecond: 2_000_000 } : {})
    },
    opsPerTurn: is(0.3) ? 3 : 2048,
    clients: Array.from({ length: 1 + below(6) }, clientOf),
    steps: stepsOf(hosts, chance)
  }
}
