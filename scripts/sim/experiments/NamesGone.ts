/** N4: the names of a host that is gone are gone. Source: design.md, law 7; faults.md, P5 and R6. */
import { minMillis } from "../../../src/protocol/swim/Suspicion.ts"
import * as Names from "../membership/Names.ts"
import { grinta } from "../membership/Profiles.ts"
import { advance, runUntil } from "../membership/Run.ts"
import type { Experiment, Row } from "../Report.ts"
import { median, quantile, range } from "../Statistics.ts"
import { populate } from "./NamesCluster.ts"

export interface Gone {
  /** Until no host shows a name of it; Infinity beyond two minutes. */
  readonly seconds: ReadonlyArray<number>
  readonly ghostsEver: number
}

const perHost = 5

/** Hosts go one after the other, each for good. */
export const gone = (n: number, count: number, seed: string, isLeave: boolean): Gone => {
  const names = Names.settled(n, { seed, ...grinta, isRecording: false })
  const { network } = names
  populate(names, perHost)
  advance(network, 10_000)
  let shown = 0
  let id = ""
  names.observers.push((_, output) => {
    if (output._tag === "Down" && output.entry.host.id === id) shown -= 1
    if (output._tag === "Up" && output.entry.host.id === id) shown += 1
  })
  const seconds = range(count).map((turn) => {
    const host = network.hosts[turn + 1]
    const peer = host && Names.peerOf(names, host)
    if (peer === undefined) return Number.NaN
    const beganAt = network.now
    id = peer.host.name
    shown = perHost * (Names.replicas(names).length - 1)
    if (isLeave) {
      Names.leave(names, peer.host)
      // The one who leaves no longer shows its own names either, which is not counted.
      shown = perHost * Names.replicas(names).length
    } else Names.crash(names, peer.host)
    runUntil(network, beganAt + 120_000, () => shown <= 0)
    const passed = shown <= 0 ? (network.now - beganAt) / 1000 : Number.POSITIVE_INFINITY
    if (network.now < beganAt + 10_000) runUntil(network, beganAt + 10_000)
    return passed
  })
  return { seconds, ghostsEver: names.ghosts }
}

/** The longest suspicion, after the longest time that a crash stayed unnoticed in X1. */
export const killSeconds = (n: number): number => {
  const { suspicionMaxTimeoutMult, suspicionMult, probeIntervalMillis } = grinta.settings
  return (minMillis(suspicionMult, n, probeIntervalMillis) * suspicionMaxTimeoutMult) / 1000 + 6
}

/** Peers see a leave within this. Source: faults.md, P5. */
export const leaveSeconds = 2

export const experiment: Experiment = {
  id: "N4",
  page: "names",
  title: "a host that is gone",
  criterion:
    "Seconds from a crash, or from a leave, until no host shows a name of that host; holds within the longest suspicion and 6 s for its beginning, or within 2 s for a leave.",
  run: (extent, tell) => {
    const cases =
      extent === "quick"
        ? [{ n: 50, count: 5 }]
        : [
            { n: 100, count: 30 },
            { n: 1000, count: 6 }
          ]
    return cases.flatMap(({ count, n }, i) => {
      tell(i, cases.length)
      return [false, true].flatMap((isLeave): ReadonlyArray<Row> => {
        const { ghostsEver, seconds } = gone(n, count, `N4 ${n}`, isLeave)
        const what = isLeave ? "left" : "killed"
        const bound = isLeave ? leaveSeconds : killSeconds(n)
        const slowest = Math.max(...seconds)
        return [
          {
            what: `${what}, slowest of ${count}, n = ${n}`,
            published: bound,
            ours: slowest,
            unit: "s",
            holds: slowest <= bound,
            note: `p90 ${quantile(seconds, 0.9).toFixed(2)} s`
          },
          { what: `${what}, median, n = ${n}`, published: undefined, ours: median(seconds), unit: "s" },
          {
            what: `${what}, entries of the known dead shown at any time, n = ${n}`,
            published: 0,
            ours: ghostsEver,
            digits: 0,
            holds: ghostsEver === 0
          }
        ]
      })
    })
  }
}
