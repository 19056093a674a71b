/** X6: how long a suspect has in the first paper. Source: SWIM, figure 3c. */
import { naturalRounds } from "../../../src/protocol/swim/Scale.ts"
import * as Cluster from "../membership/Cluster.ts"
import * as Process from "../membership/Process.ts"
import { swim2002 } from "../membership/Profiles.ts"
import { advance, runUntil } from "../membership/Run.ts"
import type { Experiment } from "../Report.ts"

/** Periods between the first suspicion of a crashed member and its death, at the same observer. */
export const suspicionPeriods = (n: number, seed: string): number => {
  const { rules, settings } = swim2002
  const network = Cluster.settled(n, { seed, settings, rules })
  const [victim] = network.hosts
  if (victim === undefined) return Number.NaN
  Process.crash(network, victim)
  const isOver = (): boolean => network.seen.some(({ output }) => output.change === "died")
  runUntil(network, 60 * settings.probeIntervalMillis, isOver)
  advance(network, 0)
  const died = network.seen.find(({ output }) => output.change === "died")
  const suspected = network.seen.find(({ host, output }) => output.change === "suspected" && host === died?.host)
  return ((died?.at ?? Number.NaN) - (suspected?.at ?? Number.NaN)) / settings.probeIntervalMillis
}

const published = (n: number): number => (n <= 19 ? 9 : n <= 53 ? 12 : 15)

export const experiment: Experiment = {
  id: "X6",
  title: "suspicion time-out of the first paper",
  criterion: "Periods from suspicion to death; holds when exact.",
  run: () => {
    const wrong = Array.from({ length: 111 }, (_, i) => i + 8).filter((n) => naturalRounds(3, n) !== published(n))
    return [
      {
        what: "sizes from 8 to 118 with another value",
        published: 0,
        ours: wrong.length,
        digits: 0,
        holds: wrong.length === 0
      },
      ...[8, 19, 20, 53, 54].map((n) => {
        const ours = suspicionPeriods(n, `X6 ${n}`)
        return {
          what: `simulated, n = ${n}`,
          published: published(n),
          ours,
          unit: "T'",
          holds: Math.abs(ours - published(n)) < 1e-6
        }
      })
    ]
  }
}
