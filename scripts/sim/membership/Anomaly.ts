/**
 * The two experiments of the Lifeguard paper: members that block together, once or in cycles.
 *
 * Source: faults.md, X7, X8 and section 6.
 */
import type { Host } from "./Host.ts"
import { call, type Network } from "./Network.ts"
import { block, pause, resume } from "./Process.ts"
import { advance } from "./Run.ts"

export interface Anomaly {
  /** Blocked in lock step. */
  readonly hosts: ReadonlyArray<Host>
  readonly durationMillis: number
  /** Pause until they block again; undefined to block once. */
  readonly gapMillis: number | undefined
  /** No new cycle begins after this long. */
  readonly cyclesMillis: number
  /** The process stops as a whole, timers included, instead of blocking before sends and after receives. */
  readonly isPause: boolean
}

/** Begins the anomaly now; it goes on by itself as time passes. */
export const begin = (network: Network, anomaly: Anomaly): void => {
  const { cyclesMillis, durationMillis, gapMillis, hosts, isPause } = anomaly
  const beganAt = network.now
  const cycle = (): void => {
    for (const host of hosts) (isPause ? pause : block)(network, host)
    call(network, durationMillis, () => {
      for (const host of hosts) resume(network, host)
      if (gapMillis === undefined || network.now + gapMillis - beganAt >= cyclesMillis) return
      call(network, gapMillis, cycle)
    })
  }
  cycle()
}

/** Deaths that were none: `atHealthy` are those that a member outside the anomaly believed. */
export interface FalsePositives {
  all: number
  atHealthy: number
}

/** Counts deaths of members that never were in trouble. */
export const countFalsePositives = (network: Network, troubled: ReadonlySet<Host>): FalsePositives => {
  const counted: FalsePositives = { all: 0, atHealthy: 0 }
  network.observers.push((host, output) => {
    if (output._tag !== "Changed" || output.change !== "died") return
    const subject = network.byName.get(output.member.name)
    if (subject === undefined || troubled.has(subject)) return
    counted.all += 1
    if (!troubled.has(host)) counted.atHealthy += 1
  })
  return counted
}

/** How long after its beginning one member's trouble was called death. */
export interface Detection {
  readonly firstMillis: number
  /** Undefined if not all healthy members had heard of it when it ended. */
  readonly fullMillis: number | undefined
}

/** Blocks the hosts once, and says of each that was declared dead when the healthy members knew. */
export const detect = (network: Network, anomaly: Anomaly): ReadonlyArray<Detection> => {
  const troubled = new Set(anomaly.hosts)
  const healthy = network.hosts.length - troubled.size
  const heard = new Map<Host, { firstAt: number; lastAt: number; count: number }>()
  const beganAt = network.now
  network.observers.push((host, output, at) => {
    if (output._tag !== "Changed" || output.change !== "died" || troubled.has(host)) return
    const subject = network.byName.get(output.member.name)
    if (subject === undefined || !troubled.has(subject)) return
    const known = heard.get(subject)
    if (known === undefined) heard.set(subject, { firstAt: at, lastAt: at, count: 1 })
    else {
      known.lastAt = at
      known.count += 1
    }
  })
  begin(network, anomaly)
  advance(network, anomaly.durationMillis)
  return [...heard.values()].map(({ count, firstAt, lastAt }) => ({
    firstMillis: firstAt - beganAt,
    fullMillis: count === healthy ? lastAt - beganAt : undefined
  }))
}
