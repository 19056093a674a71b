/** N1: no claim is lost in a burst, and no ghost stays, on a bad network. Source: design.md, law 7. */
import { shuffle } from "../../../src/protocol/swim/Sampling.ts"
import * as Names from "../membership/Names.ts"
import { call } from "../membership/Network.ts"
import { judge, type Verdict } from "../membership/Oracle.ts"
import { grinta } from "../membership/Profiles.ts"
import { advance, until } from "../membership/Run.ts"
import type { Experiment } from "../Report.ts"
import { median, quantile, range } from "../Statistics.ts"

export interface Burst {
  readonly hosts: number
  readonly exposes: number
  readonly restarts: number
  readonly seed: string
}

export interface Outcome extends Verdict {
  /** From the last word of the programs until all directories are equal; Infinity beyond four minutes. */
  readonly seconds: number
  /** Entries shown at any time although their host or its life was known to be over. */
  readonly ghostsEver: number
}

/**
 * All names are claimed in one instant, evenly spread; hosts crash in the second before and after, and come back under
 * their id within two more.
 */
export const burst = ({ exposes, hosts: n, restarts, seed }: Burst): Outcome => {
  const names = Names.settled(n, {
    seed,
    ...grinta,
    isRecording: false,
    faults: { loss: 0.3, duplication: 0.02, reordering: 0.1 },
    reunion: { intervalMillis: 30_000, seeds: 1 }
  })
  const { network } = names
  const { hosts, random } = network
  const [seedHost, ...others] = hosts
  advance(network, 5000)
  shuffle(random, others)
  for (const host of others.slice(0, restarts)) {
    const crashAfter = random() * 2000
    call(network, crashAfter, () => Names.crash(names, host))
    call(network, crashAfter + random() * 2000, () => seedHost && Names.restart(names, host, seedHost))
  }
  call(network, 1000, () => {
    for (let i = 0; i < exposes; i++) {
      const host = hosts[i % n]
      if (host !== undefined) Names.claim(names, host, `name-${i}`)
    }
  })
  advance(network, 4000)
  const millis = until(network, () => Names.isSettled(names), 240_000, 250)
  // It stays so.
  advance(network, 3000)
  return {
    ...judge(Names.replicas(names)),
    seconds: (millis ?? Number.POSITIVE_INFINITY) / 1000,
    ghostsEver: names.ghosts
  }
}

/** A host that gossip did not tell of another's new life sees that in its records, and asks for it after two rounds. */
export const boundSeconds = 30

export const experiment: Experiment = {
  id: "N1",
  page: "names",
  title: "a burst on a bad network",
  criterion: `100 hosts, 30 % loss, 10 % of datagrams late by up to 0.5 s, 2 % twice; 1,000 exposes in one instant while 10 hosts crash and come back under their ids; seconds from the last restart until all directories show just what is claimed; holds within ${boundSeconds} s, and with no claim lost and no ghost in any run.`,
  run: (extent, tell) => {
    const seeds = range(extent === "quick" ? 3 : 100)
    const all = seeds.map((seed) => {
      tell(seed, seeds.length)
      return burst({ hosts: 100, exposes: 1000, restarts: 10, seed: `N1 ${seed}` })
    })
    const seconds = all.map((outcome) => outcome.seconds)
    const sum = (of: (outcome: Outcome) => number): number => all.reduce((total, outcome) => total + of(outcome), 0)
    const none = (what: string, ours: number) => ({ what, published: 0, ours, digits: 0, holds: ours === 0 })
    return [
      {
        what: `slowest of ${all.length} seeds`,
        published: boundSeconds,
        ours: Math.max(...seconds),
        unit: "s",
        holds: Math.max(...seconds) <= boundSeconds
      },
      { what: "slowest but one in ten", published: undefined, ours: quantile(seconds, 0.9), unit: "s" },
      { what: "median", published: undefined, ours: median(seconds), unit: "s" },
      none(
        "claims lost, in all runs",
        sum(({ lost }) => lost)
      ),
      none(
        "ghosts, in all runs",
        sum(({ ghosts }) => ghosts)
      ),
      none(
        "entries of the known dead shown at any time",
        sum(({ ghostsEver }) => ghostsEver)
      ),
      none(
        "unequal directories, in all runs",
        sum(({ unequal }) => unequal)
      )
    ]
  }
}
