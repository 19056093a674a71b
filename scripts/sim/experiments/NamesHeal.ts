/** N5: both halves of a partition claim the same names; after it each has one owner. Source: faults.md, G19. */
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as Names from "../membership/Names.ts"
import { partition } from "../membership/Network.ts"
import { judge, type Verdict } from "../membership/Oracle.ts"
import { grinta } from "../membership/Profiles.ts"
import { advance, until } from "../membership/Run.ts"
import type { Experiment } from "../Report.ts"
import { median, range } from "../Statistics.ts"

export interface Healed extends Verdict {
  /** From the heal until all directories are equal; Infinity beyond ten minutes. */
  readonly seconds: number
  /** Claimants that were told that they have lost. */
  readonly told: number
  /** Names with more or less than one owner somewhere. */
  readonly disputed: number
  readonly ghostsEver: number
}

/** Each half claims all of `contested` unique names, and as many of its own. */
export const healed = (n: number, contested: number, cutSeconds: number, seed: string): Healed => {
  const names = Names.settled(n, {
    seed,
    ...grinta,
    isRecording: false,
    reunion: { intervalMillis: 30_000, seeds: 1 }
  })
  const { network } = names
  const { hosts } = network
  const half = n / 2
  const halves = [hosts.slice(0, half), hosts.slice(half)]
  advance(network, 5000)
  partition(network, ...halves)
  advance(network, 500 * cutSeconds)
  for (const [side, members] of halves.entries())
    for (let i = 0; i < contested; i++) {
      const host = members[i % half]
      if (host === undefined) continue
      Names.claim(names, host, `both-${i}`)
      Names.claim(names, host, `side-${side}-${i}`)
    }
  advance(network, 500 * cutSeconds)
  partition(network)
  const millis = until(network, () => names.told >= contested && Names.isSettled(names), 600_000, 250)
  advance(network, 3000)
  const all = Names.replicas(names)
  const owners = range(contested).map((i) =>
    all.every(({ directory }) => Directory.resolve(directory, `both-${i}`).length === 1)
  )
  return {
    ...judge(all),
    seconds: (millis ?? Number.POSITIVE_INFINITY) / 1000,
    told: names.told,
    disputed: owners.filter((isOne) => !isOne).length,
    ghostsEver: names.ghosts
  }
}

/** A host that gossip did not tell of another's return hears of it in a push/pull, every 90 s with 100 hosts. */
export const boundSeconds = 100

const contested = 100

export const experiment: Experiment = {
  id: "N5",
  page: "names",
  title: "a partition with names claimed on both sides",
  criterion: `100 hosts cut in halves for 60 s; each half claims the same ${contested} unique names and ${contested} of its own; seconds from the heal until all directories show just what is claimed; holds within ${boundSeconds} s, with one owner of each name and each loser told once.`,
  run: (extent, tell) => {
    const seeds = range(extent === "quick" ? 2 : extent === "subset" ? 12 : 100)
    const all = seeds.map((seed) => {
      tell(seed, seeds.length)
      return healed(100, contested, 60, `N5 ${seed}`)
    })
    const slowest = Math.max(...all.map(({ seconds }) => seconds))
    const sum = (of: (healed: Healed) => number): number => all.reduce((total, one) => total + of(one), 0)
    const exact = (what: string, published: number, ours: number) => ({
      what,
      published,
      ours,
      digits: 0,
      holds: ours === published
    })
    return [
      {
        what: `slowest of ${all.length} seeds`,
        published: boundSeconds,
        ours: slowest,
        unit: "s",
        holds: slowest <= boundSeconds
      },
      { what: "median", published: undefined, ours: median(all.map(({ seconds }) => seconds)), unit: "s" },
      exact(
        "losers told, in all runs",
        contested * all.length,
        sum(({ told }) => told)
      ),
      exact(
        "names without one owner, in all runs",
        0,
        sum(({ disputed }) => disputed)
      ),
      exact(
        "claims lost and ghosts, in all runs",
        0,
        sum(({ ghosts, ghostsEver, lost }) => ghosts + ghostsEver + lost)
      )
    ]
  }
}
