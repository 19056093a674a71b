/** X1: how long until the first member misses one that crashed. Source: SWIM, 5.2 and figure 3a. */
import * as Sampling from "../../../src/protocol/swim/Sampling.ts"
import * as Cluster from "../membership/Cluster.ts"
import { constant } from "../membership/Options.ts"
import * as Process from "../membership/Process.ts"
import { swim2002 } from "../membership/Profiles.ts"
import { advance, runUntil } from "../membership/Run.ts"
import type { Experiment, Row } from "../Report.ts"
import { isNear, mean, quantile } from "../Statistics.ts"

const asymptote = Math.E / (Math.E - 1)

/**
 * Expected periods for n members of which so many probe, each along a shuffled list of the n - 1 others: one of them has
 * not reached the victim after t periods with the residual probability of its gap, which is n - 1 and the difference of
 * two places.
 */
export const expectedPeriods = (n: number, probers = n - 1): number => {
  const places = n - 1
  const tail = (t: number): number => {
    let sum = 0
    for (let gap = t + 1; gap < 2 * places; gap++) sum += (gap - t) * (places - Math.abs(gap - places))
    return sum / places ** 3
  }
  let expected = 0
  for (let t = 0; t < 2 * places; t++) {
    const chance = tail(t) ** probers
    if (chance < 1e-9) break
    expected += chance
  }
  return expected
}

/**
 * Periods until the first suspicion, one for each of so many silent members. Aligned, all probe at the same instant and
 * the victim falls silent just before it, as in the model; otherwise each probes in its own phase.
 */
export const detections = (n: number, count: number, seed: string, isAligned: boolean): ReadonlyArray<number> => {
  const { rules, settings } = swim2002
  const period = settings.probeIntervalMillis
  const network = Cluster.settled(n, {
    seed,
    settings,
    rules,
    isAligned,
    isRecording: false,
    faults: { latency: constant(0.2) }
  })
  let victim = ""
  let at: number | undefined
  network.observers.push((_, output, now) => {
    if (output._tag === "Changed" && output.change === "suspected" && output.member.name === victim) at ??= now
  })
  const found: Array<number> = []
  // Nobody has a probe of the victim under way when it falls silent.
  const before = 1
  runUntil(network, period - before)
  while (found.length < count) {
    const host = network.hosts[Sampling.below(network.random, n)]
    if (host === undefined) break
    // Word of an earlier silence may still be about.
    if (!Cluster.allSee(network, host, "alive")) {
      advance(network, period)
      continue
    }
    victim = host.name
    at = undefined
    const beganAt = network.now
    Process.pause(network, host)
    runUntil(network, beganAt + 100 * period, () => at !== undefined)
    found.push(((at ?? Number.POSITIVE_INFINITY) - beganAt - (isAligned ? before : 0)) / period)
    Process.resume(network, host)
    const next = isAligned
      ? (Math.floor(network.now / period) + 3) * period - before
      : network.now + 3 * period * network.random()
    advance(network, next - network.now)
  }
  return found
}

/** Periods until the first suspicion of each of so many members that all fall silent just before the others probe. */
export const together = (n: number, count: number, seed: string): ReadonlyArray<number> => {
  const { rules, settings } = swim2002
  const period = settings.probeIntervalMillis
  const options = { seed, settings, rules, isAligned: true, isRecording: false, faults: { latency: constant(0.2) } }
  const network = Cluster.settled(n, options)
  const found = new Map<string, number>()
  runUntil(network, period - 1)
  const victims = new Set(network.hosts.slice(0, count).map(({ name }) => name))
  network.observers.push((_, output, now) => {
    if (output._tag !== "Changed" || output.change !== "suspected" || !victims.has(output.member.name)) return
    if (!found.has(output.member.name)) found.set(output.member.name, now / period - 1)
  })
  for (const host of network.hosts.slice(0, count)) Process.pause(network, host)
  runUntil(network, 40 * period, () => found.size === count)
  return [...found.values()]
}

const sizes = { quick: [32, 64], subset: [8, 16, 32, 64, 128, 1000], full: [8, 16, 32, 64, 128, 1000] } as const
const counts = { quick: 3000, subset: 10_000, full: 10_000 } as const

export const experiment: Experiment = {
  id: "X1",
  title: "first detection of a crash",
  criterion:
    "Mean periods until the first suspicion; holds within 3 % of the exact expectation for n, which is e/(e-1) = 1.58 only for large n.",
  run: (extent, tell) => {
    const rows: Array<Row> = []
    const all = sizes[extent]
    for (const [i, n] of all.entries()) {
      tell(i, all.length)
      const count = n >= 1000 ? 2000 : counts[extent]
      const aligned = detections(n, count, `X1 ${n}`, true)
      const exact = expectedPeriods(n)
      const unit = "T'"
      rows.push({
        what: `mean, n = ${n}`,
        published: asymptote,
        ours: mean(aligned),
        unit,
        holds: isNear(mean(aligned), exact, 0.03),
        note: `expected for n: ${exact.toFixed(3)}`
      })
      const p99 = quantile(aligned, 0.99)
      rows.push({ what: `99 %, n = ${n}`, published: 5, ours: p99, unit, holds: p99 <= 5.01 })
      if (extent === "quick") continue
      const p999 = quantile(aligned, 0.999)
      rows.push({ what: `99.9 %, n = ${n}`, published: 7, ours: p999, unit, holds: p999 <= 7.01 })
      const apart = detections(n, n >= 1000 ? 500 : Math.min(count, 3000), `X1 apart ${n}`, false)
      rows.push({
        what: `mean, each in its own phase, n = ${n}`,
        published: undefined,
        ours: mean(apart),
        unit,
        note: "one period to be probed, one until the probe fails"
      })
    }
    return rows
  }
}
