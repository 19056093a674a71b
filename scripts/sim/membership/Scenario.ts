/**
 * Stories to run a cluster through, by name, and the one call that runs them: the way into the simulator.
 *
 * Everything follows from the seed: the same scenario, size and seed give the same trace.
 */
import { shuffle } from "../../../src/protocol/swim/Sampling.ts"
import * as Anomaly from "./Anomaly.ts"
import * as Cluster from "./Cluster.ts"
import { join } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import * as Names from "./Names.ts"
import { call, cut, mend, type Network, partition } from "./Network.ts"
import type { Options } from "./Options.ts"
import { judge, type Verdict } from "./Oracle.ts"
import * as Process from "./Process.ts"
import { grinta, type Profile } from "./Profiles.ts"
import { claims, type Sample, watch } from "./Timeline.ts"

export interface Scenario {
  readonly name: string
  readonly says: string
  /** Differences from a perfect network, from the start. */
  readonly options?: Partial<Options>
  /** Arranges what is to happen, from now on. */
  readonly plan: (network: Network, millis: number) => void
  /** The same for names; without it, the hosts know nothing of names. */
  readonly names?: (names: Names.Names, millis: number) => void
}

/** So many hosts, chosen by chance, but at least one; never the first, which is everybody's seed. */
export const some = (network: Network, share: number): ReadonlyArray<Host> => {
  const hosts = network.hosts.slice(1)
  shuffle(network.random, hosts)
  return hosts.slice(0, Math.max(1, Math.round(share * network.hosts.length)))
}

const returns = (network: Network, host: Host): void => {
  Process.restart(network, host)
  const [seed] = network.hosts
  if (seed !== undefined) join(network, host, seed)
}

/** Again and again, with the number of the turn. */
export const repeat = (network: Network, everyMillis: number, run: (turn: number) => void, turn = 0): void =>
  call(network, everyMillis, () => {
    run(turn)
    repeat(network, everyMillis, run, turn + 1)
  })

export const scenarios: ReadonlyArray<Scenario> = [
  { name: "steady", says: "nothing happens", plan: () => {} },
  {
    name: "crash",
    says: "a tenth of the hosts crash after a fifth of the time",
    plan: (network, millis) =>
      call(network, millis / 5, () => {
        for (const host of some(network, 0.1)) Process.crash(network, host)
      })
  },
  { name: "loss", says: "a quarter of all datagrams is lost", options: { faults: { loss: 0.25 } }, plan: () => {} },
  {
    name: "burst",
    says: "every 20 s nothing gets through for 3 s",
    plan: (network) =>
      repeat(network, 20_000, () => {
        network.faults.loss = 1
        call(network, 3000, () => {
          network.faults.loss = 0
        })
      })
  },
  {
    name: "partition",
    says: "two halves, cut from each other from a fifth to three fifths of the time",
    plan: (network, millis) => {
      const { hosts } = network
      const half = Math.ceil(hosts.length / 2)
      call(network, millis / 5, () => partition(network, hosts.slice(0, half), hosts.slice(half)))
      call(network, (3 * millis) / 5, () => partition(network))
    }
  },
  {
    name: "oneway",
    says: "a twentieth of the hosts hears nothing from half of the others, from a fifth of the time on",
    plan: (network, millis) =>
      call(network, millis / 5, () => {
        const pairs = some(network, 0.05).flatMap((deaf) => some(network, 0.5).map((other) => [other, deaf] as const))
        for (const [from, to] of pairs) cut(network, from, to)
        call(network, (2 * millis) / 5, () => {
          for (const [from, to] of pairs) mend(network, from, to)
        })
      })
  },
  {
    name: "flapping",
    says: "a twentieth of the hosts hears nothing for 20 s, then hears for 20 s, again and again",
    plan: (network) => {
      const hosts = some(network, 0.05)
      repeat(network, 20_000, (turn) => {
        for (const host of hosts) host.isDeaf = turn % 2 === 0
      })
    }
  },
  {
    name: "slow",
    says: "an eighth of the hosts blocks for 8 s in every 9 s",
    plan: (network, millis) =>
      Anomaly.begin(network, {
        hosts: some(network, 0.125),
        durationMillis: 8000,
        gapMillis: 1000,
        cyclesMillis: 0.6 * millis,
        isPause: false
      })
  },
  {
    name: "pause",
    says: "each host in turn stops for 3 s",
    plan: (network) =>
      repeat(network, 3500, (turn) => {
        const host = network.hosts[turn % network.hosts.length]
        if (host === undefined) return
        Process.pause(network, host)
        call(network, 3000, () => Process.resume(network, host))
      })
  },
  {
    name: "restart",
    says: "all hosts but the first restart, spread over half of the time",
    plan: (network, millis) => {
      const others = network.hosts.slice(1)
      for (const [i, host] of others.entries()) {
        call(network, millis / 5 + (i / others.length) * (millis / 2), () => Process.crash(network, host))
        call(network, millis / 5 + (i / others.length) * (millis / 2) + 2000, () => returns(network, host))
      }
    }
  },
  {
    name: "churn",
    says: "every 5 s a host crashes, and comes back under its name 20 s later",
    plan: (network) =>
      repeat(network, 5000, () => {
        const [host] = some(network, 0)
        if (host?.state === undefined) return
        Process.crash(network, host)
        call(network, 20_000, () => returns(network, host))
      })
  }
]

export interface Result {
  readonly scenario: string
  readonly hosts: number
  readonly seed: string
  readonly seconds: number
  readonly steps: number
  /** Equal for equal runs. */
  readonly hash: number
  /** Deaths that hosts believed of members that were running. */
  readonly falseDeaths: number
  /** Deaths that hosts believed of members that had crashed. */
  readonly trueDeaths: number
  readonly isConverged: boolean
  /** Per host and second. */
  readonly datagramsPerSecond: number
  readonly bytesPerSecond: number
  readonly samples: ReadonlyArray<Sample>
  readonly names?: NamesResult
}

/** How the directories stand at the end. */
export interface NamesResult extends Verdict {
  readonly claimed: number
  /** Entries that a directory showed at any time although it knew that their host or its life was over. */
  readonly ghostsEver: number
  /** Of the bytes sent, those of streams for names: per host and second. */
  readonly streamBytesPerSecond: number
}

export interface Run {
  readonly hosts: number
  readonly seed: string
  readonly minutes: number
  readonly profile?: Profile
  readonly tell?: (share: number) => void
}

/** Runs one scenario on a cluster in which everybody knows everybody. */
export const run = (scenario: Scenario, { hosts, minutes, profile = grinta, seed, tell }: Run): Result => {
  const options = {
    seed,
    ...profile,
    isRecording: false,
    reunion: { intervalMillis: 30_000, seeds: 1 },
    ...scenario.options
  }
  const names = scenario.names && Names.settled(hosts, options)
  const network = names?.network ?? Cluster.settled(hosts, options)
  let falseDeaths = 0
  let trueDeaths = 0
  network.observers.push((_, output) => {
    if (output._tag !== "Changed" || output.change !== "died") return
    if (network.byName.get(output.member.name)?.state === undefined) trueDeaths += 1
    else falseDeaths += 1
  })
  const millis = minutes * 60_000
  scenario.plan(network, millis)
  if (names !== undefined) scenario.names?.(names, millis)
  const look = names && claims(names)
  // To look at all names of all hosts takes longer than to count members.
  const everyMillis = look === undefined ? Math.max(250, millis / 480) : Math.max(1000, millis / 240)
  const samples = watch(network, millis, everyMillis, (passed) => tell?.(passed / millis), look)
  const seconds = minutes * 60
  const total = (of: (host: Host) => number): number => network.hosts.reduce((sum, host) => sum + of(host), 0)
  return {
    scenario: scenario.name,
    hosts,
    seed,
    seconds,
    steps: network.steps,
    hash: network.hash,
    falseDeaths,
    trueDeaths,
    isConverged: Cluster.isConverged(network),
    datagramsPerSecond: total(({ traffic }) => traffic.datagramsSent) / hosts / seconds,
    bytesPerSecond: total(({ traffic }) => traffic.bytesSent + traffic.streamBytesSent) / hosts / seconds,
    samples,
    ...(names && {
      names: {
        ...judge(Names.replicas(names)),
        claimed: samples.at(-1)?.truth ?? 0,
        ghostsEver: names.ghosts,
        streamBytesPerSecond: total(({ traffic }) => traffic.cargoBytesSent) / hosts / seconds
      }
    })
  }
}
