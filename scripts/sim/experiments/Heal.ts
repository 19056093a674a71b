/** A cluster cut in halves for long is one again after the cut. Source: design.md, law 9; faults.md, N7 and N8. */
import * as Cluster from "../membership/Cluster.ts"
import * as Network from "../membership/Network.ts"
import { grinta, type Profile } from "../membership/Profiles.ts"
import { advance, until } from "../membership/Run.ts"
import type { Experiment } from "../Report.ts"
import { median, range } from "../Statistics.ts"
import { allBytes, total } from "./Load.ts"

export interface Healed {
  /** From the heal until everybody sees everybody; Infinity beyond ten minutes, NaN if the halves still saw each other. */
  readonly seconds: number
  /** Bytes that a host sent a second during the cut, push/pull included. */
  readonly bytes: number
}

/** Cuts a cluster in halves, and joins them again. */
export const heal = (n: number, cutMinutes: number, seed: string, profile: Profile): Healed => {
  const network = Cluster.settled(n, {
    seed,
    ...profile,
    isRecording: false,
    reunion: { intervalMillis: 30_000, seeds: 1 }
  })
  advance(network, 5000)
  Network.partition(network, network.hosts.slice(0, n / 2), network.hosts.slice(n / 2))
  const before = total(network, allBytes)
  advance(network, cutMinutes * 60_000)
  const bytes = (total(network, allBytes) - before) / n / cutMinutes / 60
  const [first] = network.hosts
  if (first === undefined || first.state?.members.live !== n / 2) return { seconds: Number.NaN, bytes }
  Network.partition(network)
  const millis = until(network, () => Cluster.isConverged(network), 600_000, 250)
  return { seconds: (millis ?? Number.POSITIVE_INFINITY) / 1000, bytes }
}

export const healSeconds = (n: number, cutMinutes: number, seed: string): number =>
  heal(n, cutMinutes, seed, grinta).seconds

/** Within this, a healed cluster is one again. */
export const boundSeconds = 10

export const experiment: Experiment = {
  id: "heal",
  title: "a partition heals",
  criterion: `64 hosts cut in halves for 10 minutes; seconds from the heal until all see all; holds within ${boundSeconds} s.`,
  run: (extent, tell) => {
    const seeds = range(extent === "quick" ? 3 : 100)
    const all = seeds.map((seed) => {
      tell(seed, seeds.length)
      return healSeconds(64, 10, `heal ${seed}`)
    })
    const slowest = all.some(Number.isNaN) ? Number.NaN : Math.max(...all)
    return [
      {
        what: `slowest of ${all.length} seeds`,
        published: boundSeconds,
        ours: slowest,
        unit: "s",
        holds: slowest <= boundSeconds
      },
      { what: "median", published: undefined, ours: median(all), unit: "s" }
    ]
  }
}
