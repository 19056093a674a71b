/** A cluster cut in two sides, and healed: how long each side goes on to show the other, and how long until all are one again. */
import { isLive } from "../../../src/protocol/swim/Member.ts"
import * as Cluster from "./Cluster.ts"
import type { Host } from "./Host.ts"
import { type Network, partition } from "./Network.ts"
import { grinta, type Profile } from "./Profiles.ts"
import { advance, until } from "./Run.ts"

export interface Cut {
  readonly hosts: number
  /** How many hosts are on the smaller side, the first of all among the others. */
  readonly side: number
  /** How long the cut lasts. */
  readonly cutMillis: number
  readonly seed: string
  readonly profile?: Profile
}

/** In milliseconds; undefined for what did not come. */
export interface Times {
  /** From the cut until no host of the smaller side takes one of the others for alive or suspect. */
  readonly smaller: number | undefined
  /** The same of the larger side. */
  readonly larger: number | undefined
  /** From the heal until all hosts see all others alive. */
  readonly healed: number | undefined
  /** Deaths of hosts of the own side, which nothing befell. */
  readonly falseDeaths: number
}

const healMillisMax = 600_000

/** When the last host of a side has stopped to show those of the other. */
const watch = (
  network: Network,
  side: ReadonlyArray<Host>,
  others: ReadonlyArray<Host>
): (() => number | undefined) => {
  const names = new Set(others.map(({ name }) => name))
  const hosts = new Set(side)
  const beganAt = network.now
  let shown = side.length * others.length
  let doneAt: number | undefined
  network.observers.push((host, output, at) => {
    if (output._tag !== "Changed" || doneAt !== undefined || !hosts.has(host) || !names.has(output.member.name)) return
    const was = output.from === "alive" || output.from === "suspect"
    if (was !== isLive(output.member)) shown += was ? -1 : 1
    if (shown === 0) doneAt = at - beganAt
  })
  return () => doneAt
}

export const run = ({ cutMillis, hosts, profile = grinta, seed, side }: Cut): Times => {
  const reunion = { intervalMillis: 30_000, seeds: 1 }
  const network = Cluster.settled(hosts, { seed, ...profile, isRecording: false, reunion })
  advance(network, 5000 + network.random() * 1000)
  const larger = network.hosts.slice(0, hosts - side)
  const smaller = network.hosts.slice(hosts - side)
  const islands = [new Set(larger), new Set(smaller)]
  const doneAt = [watch(network, smaller, larger), watch(network, larger, smaller)] as const
  let falseDeaths = 0
  network.observers.push((host, output) => {
    if (output._tag !== "Changed" || output.change !== "died") return
    const dead = network.byName.get(output.member.name)
    if (dead !== undefined && islands.some((island) => island.has(host) && island.has(dead))) falseDeaths += 1
  })
  partition(network, larger, smaller)
  advance(network, cutMillis)
  const [ofSmaller, ofLarger] = [doneAt[0](), doneAt[1]()]
  partition(network)
  const healed = until(network, () => Cluster.isConverged(network), healMillisMax, 50)
  return { smaller: ofSmaller, larger: ofLarger, healed, falseDeaths }
}
