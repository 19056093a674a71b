/** X3: how fast a piece of news spreads by piggyback alone. Source: SWIM, 5.2 and figure 3b. */
import * as Random from "../../../src/testing/Random.ts"
import * as Cluster from "../membership/Cluster.ts"
import * as Delivery from "../membership/Delivery.ts"
import { constant } from "../membership/Options.ts"
import { swim2002 } from "../membership/Profiles.ts"
import { runUntil } from "../membership/Run.ts"
import type { Experiment, Row } from "../Report.ts"
import { isNear, median, range } from "../Statistics.ts"

/** Periods until half of the other members, and until all, know of a change of one. */
export const infection = (n: number, seed: string): { readonly half: number; readonly all: number } => {
  const { rules, settings } = swim2002
  const network = Cluster.settled(n, { seed, settings, rules, isRecording: false, faults: { latency: constant(0.2) } })
  const period = settings.probeIntervalMillis
  runUntil(network, 2 * period)
  const beganAt = network.now
  let known = -1
  let half = Number.POSITIVE_INFINITY
  let all = Number.POSITIVE_INFINITY
  network.observers.push((_, output, at) => {
    if (output._tag !== "Changed" || output.member.name !== "h0") return
    known += 1
    if (known === Math.ceil((n - 1) / 2)) half = (at - beganAt) / period
    if (known === n - 1) all = (at - beganAt) / period
  })
  const [first] = network.hosts
  if (first !== undefined) Delivery.input(network, first, { _tag: "UpdateMeta", meta: Uint8Array.of(1) })
  runUntil(network, beganAt + 40 * period, () => known >= n - 1)
  return { half, all }
}

/**
 * The same process without a machine: each member meets another one once in a period, in its own phase, and both know after
 * that. In the logistic model members meet at any instant; here one that hears news by its own ping waits a whole period for
 * its next one.
 */
export const drawn = (n: number, random: () => number): number => {
  const phases = range(n)
    .map(() => random())
    .sort((a, b) => a - b)
  const knows = new Set([Math.floor(random() * n)])
  for (let period = 0; ; period++)
    for (const [member, phase] of phases.entries()) {
      const other = (member + 1 + Math.floor(random() * (n - 1))) % n
      if (knows.has(member) === knows.has(other)) continue
      knows.add(member).add(other)
      if (knows.size > Math.ceil((n - 1) / 2)) return period + phase
    }
}

export const logistic = (n: number): number => Math.log(n - 1) / (2 - 1 / n)
const drawnTimes = 1000

const published: ReadonlyArray<readonly [number, number | undefined]> = [
  [6, 1.05],
  [13, 1.3],
  [20, 3],
  [28, 3],
  [35, 2],
  [43, 2.5],
  [52, 1.5],
  [128, undefined],
  [1000, undefined]
]

export const experiment: Experiment = {
  id: "X3",
  title: "infection by piggyback",
  criterion:
    "Median periods until half of the members know; holds within 20 % of the logistic model, or, for the sizes that were measured, within 1 to 3 T'. The process is the same one drawn at random, without a machine.",
  run: (extent, tell) => {
    const cases = extent === "quick" ? published.slice(0, 7) : published
    const rows: Array<Row> = []
    for (const [i, [n, figure]] of cases.entries()) {
      tell(i, cases.length)
      const count = extent === "quick" ? 30 : n >= 1000 ? 60 : 300
      const runs = range(count).map((seed) => infection(n, `X3 ${n} ${seed}`))
      const half = median(runs.map((run) => run.half))
      const all = Math.max(...runs.map((run) => run.all))
      const model = logistic(n)
      const random = Random.make(`X3 ${n}`)
      const process = median(range(drawnTimes).map(() => drawn(n, random)))
      const holds = isNear(half, model, 0.2) || (figure !== undefined && half >= 1 && half <= 3)
      rows.push({
        what: `median, n = ${n}`,
        published: figure ?? model,
        ours: half,
        unit: "T'",
        holds,
        note: `${figure === undefined ? "the model" : `the model: ${model.toFixed(2)}`}; the process: ${process.toFixed(2)}`
      })
      rows.push({
        what: `all members, slowest of ${count} runs, n = ${n}`,
        published: undefined,
        ours: all,
        unit: "T'"
      })
    }
    return rows
  }
}
