/** The set-up that the experiments of the Lifeguard paper share. Source: faults.md, section 6. */
import { shuffle } from "../../../src/protocol/swim/Sampling.ts"
import * as Anomaly from "../membership/Anomaly.ts"
import * as Cluster from "../membership/Cluster.ts"
import type { Host } from "../membership/Host.ts"
import type { Network } from "../membership/Network.ts"
import { constant } from "../membership/Options.ts"
import type { Profile } from "../membership/Profiles.ts"
import { advance } from "../membership/Run.ts"
import type { Extent, Tell } from "../Report.ts"
import { mean, quantile, range } from "../Statistics.ts"
import { allBytes, total } from "./Load.ts"

export const members = 128
const quiesceMillis = 15_000
export const testMillis = 120_000
/** What an agent says of itself in its metadata; the paper's agents sent 368 bytes a message in all. */
const metaBytes = 80

export const concurrent: ReadonlyArray<number> = [1, 4, 8, 12, 16, 20, 24, 28, 32]
export const durations: ReadonlyArray<number> = [128, 512, 2048, 8192, 16_384, 32_768]
export const intervals: ReadonlyArray<number> = [1, 4, 16, 64, 256, 1024, 4096, 16_384]

export const start = (
  seed: string,
  profile: Profile,
  count: number,
  over: Partial<Parameters<typeof Cluster.settled>[1]> = {}
): { readonly network: Network; readonly hosts: ReadonlyArray<Host> } => {
  const faults = { latency: constant(0.2) }
  const meta = new Uint8Array(metaBytes)
  const network = Cluster.settled(members, { seed, ...profile, isRecording: false, meta, faults, ...over })
  advance(network, quiesceMillis)
  const hosts = [...network.hosts]
  shuffle(network.random, hosts)
  return { network, hosts: hosts.slice(0, count) }
}

export interface Latencies {
  readonly first: ReadonlyArray<number>
  readonly full: ReadonlyArray<number>
  /** Share of the members blocked for long enough that were declared dead at all. */
  readonly found: number
  /** Bytes that a member sent a second while some were blocked, push/pull included. */
  readonly bytes: number
}

/** Repetitions of the threshold test by extent; nothing is detected within 8 s at a = 5, so that the two longest blocks count. */
export const repetitions: { readonly [E in Extent]: number } = { quick: 1, subset: 10, full: 10 }

export const threshold = (profile: Profile, reps: number, tell: Tell, counts = concurrent): Latencies => {
  const first: Array<number> = []
  const full: Array<number> = []
  const bytes: Array<number> = []
  let blocked = 0
  for (const [i, count] of counts.entries()) {
    tell(i, counts.length)
    for (const durationMillis of durations.slice(-2))
      for (const rep of range(reps)) {
        const { hosts, network } = start(`threshold ${count} ${durationMillis} ${rep}`, profile, count)
        const anomaly = { hosts, durationMillis, gapMillis: undefined, cyclesMillis: 0, isPause: false }
        blocked += hosts.length
        const before = total(network, allBytes)
        for (const { firstMillis, fullMillis } of Anomaly.detect(network, anomaly)) {
          first.push(firstMillis / 1000)
          if (fullMillis !== undefined) full.push(fullMillis / 1000)
        }
        bytes.push((1000 * (total(network, allBytes) - before)) / members / durationMillis)
      }
  }
  return { first, full, found: first.length / blocked, bytes: mean(bytes) }
}

export const threeOf = (values: ReadonlyArray<number>): readonly [number, number, number] => [
  quantile(values, 0.5),
  quantile(values, 0.99),
  quantile(values, 0.999)
]

export interface Sweep {
  readonly runs: number
  /** Per run. */
  readonly all: number
  readonly atHealthy: number
}

export interface Cell {
  readonly count: number
  readonly durationMillis: number
  readonly gapMillis: number
  readonly rep: number
}

/** Cells of the interval test: all with ten repetitions, all once, or a corner of them. */
export const cells = (extent: Extent): ReadonlyArray<Cell> => {
  const reps = range(extent === "full" ? 10 : 1)
  const some = extent === "quick"
  return (some ? [8, 24] : concurrent).flatMap((count) =>
    (some ? [2048, 16_384] : durations).flatMap((durationMillis) =>
      (some ? [1, 64, 1024] : intervals).flatMap((gapMillis) =>
        reps.map((rep) => ({ count, durationMillis, gapMillis, rep }))
      )
    )
  )
}

/** The interval test: members block in cycles; counts the deaths of members that were never in trouble. */
export const sweep = (profile: Profile, chosen: ReadonlyArray<Cell>, isPause: boolean, tell: Tell): Sweep => {
  let all = 0
  let atHealthy = 0
  for (const [i, { count, durationMillis, gapMillis, rep }] of chosen.entries()) {
    tell(i, chosen.length)
    const { hosts, network } = start(`interval ${count} ${durationMillis} ${gapMillis} ${rep}`, profile, count)
    const counted = Anomaly.countFalsePositives(network, new Set(hosts))
    Anomaly.begin(network, { hosts, durationMillis, gapMillis, cyclesMillis: testMillis, isPause })
    advance(network, testMillis)
    all += counted.all
    atHealthy += counted.atHealthy
  }
  const runs = chosen.length
  return { runs, all: all / runs, atHealthy: atHealthy / runs }
}
