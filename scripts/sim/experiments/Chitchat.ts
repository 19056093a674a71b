/** X18: the bounds that chitchat tests itself against. Source: its perf_test.rs. */
import * as Cluster from "../membership/Cluster.ts"
import * as Process from "../membership/Process.ts"
import { grinta } from "../membership/Profiles.ts"
import { advance, until } from "../membership/Run.ts"
import type { Experiment, Row } from "../Report.ts"
import { mean, range } from "../Statistics.ts"
import { total } from "./Load.ts"

/** Seconds until all others know of a crash; Infinity beyond two minutes. */
export const deathSeconds = (n: number, seed: string, loss: number): number => {
  const network = Cluster.settled(n, { seed, ...grinta, isRecording: false, faults: { loss } })
  advance(network, 5000)
  const [victim] = network.hosts
  if (victim === undefined) return Number.NaN
  Process.crash(network, victim)
  const millis = until(network, () => Cluster.allSee(network, victim, "dead"), 120_000)
  return (millis ?? Number.POSITIVE_INFINITY) / 1000
}

/** Deaths believed anywhere while nobody died. */
export const falseDeaths = (n: number, minutes: number, seed: string, loss: number): number => {
  const network = Cluster.settled(n, { seed, ...grinta, isRecording: false, faults: { loss } })
  let deaths = 0
  network.observers.push((_, output) => {
    if (output._tag === "Changed" && output.change === "died") deaths += 1
  })
  advance(network, minutes * 60_000)
  return deaths
}

/** Kilobytes per member and second, push/pull included. */
const kilobytes = (n: number, seed: string): number => {
  const network = Cluster.settled(n, { seed, ...grinta, meta: new Uint8Array(80), isRecording: false })
  advance(network, 300_000)
  return total(network, ({ bytesSent, streamBytesSent }) => bytesSent + streamBytesSent) / n / 300_000
}

export const experiment: Experiment = {
  id: "X18",
  title: "against the bounds of chitchat",
  criterion: "A crash known to all, false deaths, and load; holds within the bound.",
  run: (extent, tell) => {
    const seeds = range(extent === "quick" ? 2 : 20)
    const rows: Array<Row> = []
    for (const n of [20, 40, 100]) {
      tell(rows.length, 8)
      const all = seeds.map((seed) => deathSeconds(n, `X18 ${n} ${seed}`, 0))
      rows.push({
        what: `slowest of ${all.length} deaths, n = ${n}`,
        published: 10,
        ours: Math.max(...all),
        unit: "s",
        holds: Math.max(...all) < 10,
        note: `mean ${mean(all).toFixed(2)} s`
      })
      const lossy = seeds.map((seed) => deathSeconds(n, `X18 loss ${n} ${seed}`, 0.5))
      rows.push({
        what: `the same with half of all datagrams lost, n = ${n}`,
        published: 15,
        ours: Math.max(...lossy),
        unit: "s",
        holds: Math.max(...lossy) < 15,
        note: `mean ${mean(lossy).toFixed(2)} s`
      })
    }
    const minutes = extent === "quick" ? 1 : 10
    const deaths = falseDeaths(100, minutes, "X18 false", 0.5)
    rows.push({
      what: `false deaths in ${minutes} min with half of all datagrams lost, n = 100`,
      published: 0,
      ours: deaths,
      digits: 0,
      holds: deaths === 0
    })
    for (const [n, bound] of [
      [10, 15],
      [20, 25],
      [40, 50],
      [100, 3]
    ] as const) {
      const ours = kilobytes(n, `X18 load ${n}`)
      rows.push({ what: `load, n = ${n}`, published: bound, ours, unit: "kB/s", holds: ours <= bound })
    }
    return rows
  }
}
