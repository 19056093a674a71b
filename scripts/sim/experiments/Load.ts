/** X4 and the load of our own defaults: what a member sends in steady state. Source: SWIM, 5.1 and figure 2. */
import * as Cluster from "../membership/Cluster.ts"
import type { Traffic } from "../membership/Host.ts"
import type { Network } from "../membership/Network.ts"
import { grinta, type Profile, swim2002 } from "../membership/Profiles.ts"
import { advance } from "../membership/Run.ts"
import type { Experiment, Row } from "../Report.ts"
import { mean } from "../Statistics.ts"

export const total = ({ hosts }: Network, of: (traffic: Traffic) => number): number =>
  hosts.reduce((sum, { traffic }) => sum + of(traffic), 0)

/** All that a host sends: datagrams, and states over TCP. */
export const allBytes = ({ bytesSent, streamBytesSent }: Traffic): number => bytesSent + streamBytesSent

export interface Load {
  readonly sent: number
  readonly received: number
  readonly bytes: number
  readonly streamBytes: number
  /** Share of members and periods in which fewer than five datagrams were sent. */
  readonly below5: number
}

/** Means per member and period. */
export const load = (n: number, periods: number, seed: string, profile: Profile): Load => {
  const network = Cluster.settled(n, { seed, ...profile, meta: new Uint8Array(80), isRecording: false })
  const period = profile.settings.probeIntervalMillis
  advance(network, 5 * period)
  const start = network.hosts.map(({ traffic }) => ({ ...traffic }))
  const before = network.hosts.map(({ traffic }) => traffic.datagramsSent)
  let below5 = 0
  for (let i = 0; i < periods; i++) {
    advance(network, period)
    for (const [index, { traffic }] of network.hosts.entries()) {
      if (traffic.datagramsSent - (before[index] ?? 0) < 5) below5 += 1
      before[index] = traffic.datagramsSent
    }
  }
  const per = (of: (traffic: Traffic) => number): number =>
    mean(network.hosts.map(({ traffic }, i) => of(traffic) - of(start[i] ?? traffic))) / periods
  return {
    sent: per(({ datagramsSent }) => datagramsSent),
    received: per(({ datagramsReceived }) => datagramsReceived),
    bytes: per(({ bytesSent }) => bytesSent),
    streamBytes: per(({ streamBytesSent }) => streamBytesSent),
    below5: below5 / periods / n
  }
}

const isTwo = (value: number): boolean => Math.abs(value - 2) <= 0.02

export const experiment: Experiment = {
  id: "X4",
  title: "load in steady state",
  criterion: "Datagrams per member and period, without gossip rounds and push/pull; holds within 2.00 +- 0.02.",
  run: (extent, tell) => {
    const sizes = extent === "quick" ? [28] : [8, 28, 55, 128, 1000]
    return sizes.flatMap((n, i): ReadonlyArray<Row> => {
      tell(i, sizes.length)
      const found = load(n, n >= 1000 ? 100 : 400, `X4 ${n}`, swim2002)
      return [
        { what: `sent, n = ${n}`, published: 2, ours: found.sent, digits: 3, holds: isTwo(found.sent) },
        { what: `received, n = ${n}`, published: 2, ours: found.received, digits: 3, holds: isTwo(found.received) },
        {
          what: `share of periods with fewer than 5 sent, n = ${n}`,
          published: 0.99,
          ours: found.below5,
          digits: 3,
          holds: found.below5 >= 0.98
        }
      ]
    })
  }
}

export const own: Experiment = {
  id: "load",
  title: "load by cluster size, with our own settings",
  criterion:
    "Per member and second in steady state, 80 bytes of metadata; holds when datagrams stay at 2.00 +- 0.02 for any size.",
  run: (extent, tell) => {
    const sizes = extent === "quick" ? [16, 64] : [16, 32, 64, 128, 256, 512, 1000]
    return sizes.flatMap((n, i): ReadonlyArray<Row> => {
      tell(i, sizes.length)
      const found = load(n, n >= 512 ? 200 : 600, `load ${n}`, grinta)
      return [
        { what: `datagrams, n = ${n}`, published: 2, ours: found.sent, holds: isTwo(found.sent), unit: "1/s" },
        { what: `bytes of datagrams, n = ${n}`, published: undefined, ours: found.bytes, digits: 0, unit: "B/s" },
        { what: `bytes of push/pull, n = ${n}`, published: undefined, ours: found.streamBytes, digits: 0, unit: "B/s" }
      ]
    })
  }
}
