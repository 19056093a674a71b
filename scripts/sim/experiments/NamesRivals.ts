/** N6: moves, visitors and twins: hosts whose name is known elsewhere. Source: design.md, laws 7 and 9; faults.md, U20. */
import * as Directory from "../../../src/protocol/names/Directory.ts"
import type { Host } from "../membership/Host.ts"
import * as Names from "../membership/Names.ts"
import * as NamesMoves from "../membership/NamesMoves.ts"
import { twins, visit } from "../membership/NamesScenario.ts"
import * as Network from "../membership/Network.ts"
import { uniform } from "../membership/Options.ts"
import { judge } from "../membership/Oracle.ts"
import { grinta, type Profile } from "../membership/Profiles.ts"
import { advance, until } from "../membership/Run.ts"
import { some } from "../membership/Scenario.ts"
import type { Experiment, Row } from "../Report.ts"
import { median, range } from "../Statistics.ts"
import { populate } from "./NamesCluster.ts"

/** The hosts without the rule for twins, as they were before it. */
export const without: Profile = { ...grinta, rules: { ...grinta.rules, twins: false } }

export interface Outcome {
  /** Until all hosts show just what is claimed; Infinity beyond five minutes. */
  readonly seconds: number
  /** How long a name of a healthy host was missing somewhere. */
  readonly missingSeconds: number
  /** Processes that were told that another one has their name. */
  readonly refused: number
  /** Names missing, shown wrongly, or shown elsewhere otherwise, at the end. */
  readonly wrong: number
}

const perHost = 5
const withinMillis = 300_000
const stepMillis = 50

/** A cluster in the middle of its work, and one host of it that is not the seed. */
const cluster = (n: number, seed: string, profile: Profile) => {
  const names = Names.settled(n, {
    seed,
    ...profile,
    isRecording: false,
    reunion: { intervalMillis: 30_000, seeds: 1 }
  })
  const { network } = names
  populate(names, perHost)
  advance(network, 5000 + 5000 * network.random())
  const [first, second = first] = network.hosts
  const [host] = some(network, 0)
  if (first === undefined || second === undefined || host === undefined) return undefined
  return { names, network, first, second, host }
}

type Cluster = NonNullable<ReturnType<typeof cluster>>

const nothing: Outcome = { seconds: Number.NaN, missingSeconds: 0, refused: 0, wrong: 0 }

/** Waits until all is right, and a while longer. */
const conclude = ({ names, network }: Cluster, missingMillis: number): Outcome => {
  const millis = until(network, () => Names.isSettled(names), withinMillis, stepMillis) ?? Number.POSITIVE_INFINITY
  const { refused } = names
  advance(network, 10_000)
  const { ghosts, lost, unequal } = judge(Names.replicas(names))
  return { seconds: millis / 1000, missingSeconds: missingMillis / 1000, refused, wrong: ghosts + lost + unequal }
}

/** A host crashes, and comes back under its name at another address within 5 s. */
export const moved = (n: number, seed: string, profile: Profile = grinta): Outcome => {
  const made = cluster(n, seed, profile)
  if (made === undefined) return nothing
  const { first, host, names, network } = made
  Names.crash(names, host)
  advance(network, 5000 * network.random())
  NamesMoves.startElsewhere(names, host, first)
  return conclude(made, 0)
}

/** A host gets another address while it runs. */
export const readdressed = (n: number, seed: string, profile: Profile = grinta): Outcome => {
  const made = cluster(n, seed, profile)
  if (made === undefined) return nothing
  if (profile === without) Network.move(made.network, made.host)
  else NamesMoves.move(made.names, made.host)
  const { address } = made.host
  const isThere = (): boolean =>
    made.network.hosts.every(
      ({ state }) => state?.members.byName.get(made.host.name)?.member.address.bytes.join() === address.bytes.join()
    )
  const millis = until(made.network, isThere, withinMillis, stepMillis) ?? Number.POSITIVE_INFINITY
  return { ...conclude(made, 0), seconds: millis / 1000 }
}

/** Three processes, one after the other, have the name and the endpoints of a healthy host for 2 s. */
export const visited = (n: number, seed: string, profile: Profile = grinta): Outcome => {
  const made = cluster(n, seed, profile)
  if (made === undefined) return nothing
  const { first, host, names, network } = made
  const own = Names.peerOf(names, host)?.held ?? new Set()
  const others = Names.replicas(names)
  let missingMillis = 0
  for (let turn = 0; turn < 3; turn++) {
    visit(names, host, first, 2000)
    for (let passed = 0; passed < 4000; passed += stepMillis) {
      advance(network, stepMillis)
      const isRight = others.every(({ directory }) =>
        [...own].every((name) => Directory.resolve(directory, name).some((entry) => entry.host.id === host.name))
      )
      if (!isRight || own.size < perHost) missingMillis += stepMillis
    }
  }
  return conclude(made, missingMillis)
}

/** Two processes of one new name start at the same instant, through different seeds. */
export const paired = (n: number, seed: string, profile: Profile = grinta): Outcome => {
  const made = cluster(n, seed, profile)
  if (made === undefined) return nothing
  const { first, names, network, second } = made
  twins(names, "twin", [first, second])
  const began = network.now
  until(network, () => names.refused > 0, withinMillis, stepMillis)
  const spentSeconds = (network.now - began) / 1000
  const outcome = conclude(made, 0)
  return { ...outcome, seconds: spentSeconds + outcome.seconds }
}

/** How far apart two processes start, and how long a word takes at most. */
const apartMillis = 20
const delayMillisMax = 50
const slow = { faults: { latency: uniform(0, delayMillisMax) } }

/**
 * Two processes of one new name start almost at the same instant, with the same seeds: one of them, or two in any order. Wrong
 * is also that both, or none, say that they are up; the seconds are those until one is told.
 */
export const raced = (n: number, seed: string, profile: Profile = grinta): Outcome => {
  const made = cluster(n, seed, { ...profile, ...slow })
  if (made === undefined) return nothing
  const { first, names, network, second } = made
  const up = new Set<Host>()
  const began = network.now
  const start = (): void => {
    const seeds = network.random() < 0.5 ? [first] : [first, second]
    const twin = NamesMoves.startAwaited(names, "twin", seeds, (host) => up.add(host))
    for (let i = 0; i < perHost; i++) Names.claim(names, twin, `twin.service-${i}`)
  }
  start()
  Network.call(network, apartMillis * network.random(), start)
  until(network, () => names.refused > 0 && up.size > 0, withinMillis, stepMillis)
  const spentSeconds = (network.now - began) / 1000
  const outcome = conclude(made, 0)
  return { ...outcome, seconds: spentSeconds, wrong: outcome.wrong + Math.abs(up.size - 1) }
}

interface Case {
  readonly what: string
  readonly run: (n: number, seed: string, profile?: Profile) => Outcome
  /** Seconds within which all is right. */
  readonly bound: number
  readonly refused: number
}

/**
 * A crash is seen within 8 s as a rule, within 14 s when few look; then a name is kept for its host for a second. Twins that
 * others know compare for 8 s, and one that was hardly known is missed like a crash.
 */
export const cases: ReadonlyArray<Case> = [
  { what: "restart elsewhere", run: moved, bound: 20, refused: 0 },
  { what: "another address", run: readdressed, bound: 3, refused: 0 },
  { what: "visitors", run: visited, bound: 1, refused: 3 },
  { what: "twins with a seed in common", run: raced, bound: 5, refused: 1 },
  { what: "twins with other seeds", run: paired, bound: 30, refused: 1 }
]

/** Runs without the rule, most of which take as long as they may. */
const beforeMax = 10

const rowsOf = ({ bound, refused, run, what }: Case, n: number, seeds: ReadonlyArray<number>): ReadonlyArray<Row> => {
  const after = seeds.map((seed) => run(n, `N6 ${seed}`))
  const before = seeds.slice(0, beforeMax).map((seed) => run(n, `N6 ${seed}`, without))
  const times = (all: ReadonlyArray<Outcome>): ReadonlyArray<number> => all.map(({ seconds }) => seconds)
  const said = (seconds: number): string => (Number.isFinite(seconds) ? `${seconds.toFixed(2)} s` : "never")
  const slowest = Math.max(...times(after))
  const label = `${what}, n = ${n}`
  const right: ReadonlyArray<Row> = [
    {
      what: `${label}, median`,
      published: undefined,
      ours: median(times(after)),
      unit: "s",
      note: `before: ${said(median(times(before)))}`
    },
    {
      what: `${label}, slowest of ${seeds.length}`,
      published: bound,
      ours: slowest,
      unit: "s",
      holds: slowest <= bound && after.every(({ wrong }) => wrong === 0),
      note: `before: ${said(Math.max(...times(before)))}`
    }
  ]
  if (refused === 0) return right
  const missing = (all: ReadonlyArray<Outcome>): number => Math.max(...all.map(({ missingSeconds }) => missingSeconds))
  return [
    ...right,
    {
      what: `${label}, names of a healthy host missing, at most`,
      published: 0,
      ours: missing(after),
      unit: "s",
      holds: missing(after) === 0,
      note: `before: ${said(missing(before))}`
    },
    {
      what: `${label}, processes told that their name is taken`,
      published: refused * seeds.length,
      ours: after.reduce((sum, one) => sum + one.refused, 0),
      digits: 0,
      holds: after.every((one) => one.refused === refused)
    }
  ]
}

export const experiment: Experiment = {
  id: "N6",
  page: "names",
  title: "a name that is known elsewhere",
  criterion:
    "Seconds until all hosts show just what is claimed: from the start of a host that crashed and comes back at another address within 5 s; from the moment in which a host gets another address; from the end of the third of three visits, each 2 s long, of a process with the name of a healthy host; from the start of two processes of one name at the same instant. Before: the first 10 seeds without the rule for twins, and with a host that does not notice its address.",
  run: (extent, tell) => {
    const sizes = extent === "quick" ? [7] : [2, 7, 64]
    const seeds = range(extent === "quick" ? 10 : 100)
    return cases.flatMap((one, i) =>
      sizes
        .filter((n) => n > 2 || one.refused !== 1)
        .flatMap((n) => {
          tell(i, cases.length)
          return rowsOf(one, n, seeds)
        })
    )
  }
}
