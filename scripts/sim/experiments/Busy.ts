/** Hosts that are busy in turn, under load: none of them is dead. Source: design.md, law 10. */
import * as Cluster from "../membership/Cluster.ts"
import * as Delivery from "../membership/Delivery.ts"
import { call } from "../membership/Network.ts"
import * as Process from "../membership/Process.ts"
import { grinta, type Profile, reference } from "../membership/Profiles.ts"
import { advance } from "../membership/Run.ts"
import type { Experiment } from "../Report.ts"
import { range } from "../Statistics.ts"

/** Deaths believed anywhere while each of the hosts in turn stops for a while, and the others gossip messages. */
export const deathsWhileBusy = (
  n: number,
  busyMillis: number,
  seed: string,
  profile: Profile,
  isPause: boolean
): number => {
  const network = Cluster.settled(n, { seed, ...profile, isRecording: false, faults: { loss: 0.01 } })
  let deaths = 0
  network.observers.push((_, output) => {
    if (output._tag === "Changed" && output.change === "died") deaths += 1
  })
  const talk = (i: number): void => {
    const host = network.hosts[i % n]
    if (host !== undefined)
      Delivery.input(network, host, { _tag: "Broadcast", key: `news ${i}`, payload: new Uint8Array(200) })
    call(network, 50, () => talk(i + 1))
  }
  talk(0)
  advance(network, 5000)
  for (const host of network.hosts) {
    ;(isPause ? Process.pause : Process.block)(network, host)
    advance(network, busyMillis)
    Process.resume(network, host)
    advance(network, 500)
  }
  advance(network, 20_000)
  return deaths
}

export const experiment: Experiment = {
  id: "busy",
  title: "busy hosts",
  criterion:
    "50 hosts, each in turn stopped for 3 s, while 20 messages a second are gossiped and 1 % of all datagrams is lost; deaths over all runs; holds at 0.",
  run: (extent, tell) => {
    const seeds = range(extent === "quick" ? 1 : 20)
    const deaths = (profile: Profile, isPause: boolean): number =>
      seeds.reduce((sum, seed) => {
        tell(seed, seeds.length)
        return sum + deathsWhileBusy(50, 3000, `busy ${seed}`, profile, isPause)
      }, 0)
    return (
      [
        ["ours, loops blocked", grinta, false],
        ["ours, processes paused", grinta, true],
        ["reference, loops blocked", reference, false],
        ["reference, processes paused", reference, true]
      ] as const
    ).map(([what, profile, isPause]) => {
      const ours = deaths(profile, isPause)
      const row = { what: `${what}, ${seeds.length} runs`, published: 0, ours, digits: 0 }
      return profile === grinta ? { ...row, holds: ours === 0 } : row
    })
  }
}
