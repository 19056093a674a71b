/** Detection, healing and names as time against bytes, ours beside the reference. */
import { grinta, type Profile, reference } from "../membership/Profiles.ts"
import type { Experiment, Extent, Row } from "../Report.ts"
import { median, quantile, range } from "../Statistics.ts"
import { heal } from "./Heal.ts"
import { repetitions, threeOf, threshold } from "./Lifeguard.ts"
import { load } from "./Load.ts"
import { speed } from "./NamesSpeed.ts"

interface Figure {
  readonly what: string
  readonly unit: "s" | "B/s"
  readonly value: number
  /** Largest value of ours, as a multiple of that of the reference. */
  readonly ratioMax: number | undefined
  /** Largest value of ours. */
  readonly max: number
}

const time = (what: string, value: number, max = Number.POSITIVE_INFINITY): Figure => ({
  what,
  unit: "s",
  value,
  ratioMax: 1,
  max
})

const bytes = (what: string, value: number, ratioMax?: number): Figure => ({
  what,
  unit: "B/s",
  value,
  ratioMax,
  max: Number.POSITIVE_INFINITY
})

/** What is sent at rest may be so far above the reference by chance. */
const restRatioMax = 1.02

const heals: { readonly [E in Extent]: number } = { quick: 2, subset: 50, full: 100 }
const names: { readonly [E in Extent]: number } = { quick: 10, subset: 100, full: 300 }

/** What one set of rules and timings takes and sends. */
const measure = (profile: Profile, extent: Extent, tell: (part: number) => void): ReadonlyArray<Figure> => {
  tell(0)
  const quiet = load(128, extent === "quick" ? 60 : 600, "tradeoff", profile)
  tell(1)
  const deaths = threshold(profile, repetitions[extent], () => {}, extent === "quick" ? [4, 16] : undefined)
  const [first, , firstSlow] = threeOf(deaths.first)
  const [full, , fullSlow] = threeOf(deaths.full)
  tell(2)
  const healed = range(heals[extent]).map((i) => heal(64, 10, `tradeoff ${i}`, profile))
  const seconds = healed.map((one) => one.seconds)
  tell(3)
  const named = speed(100, names[extent], "tradeoff", 0, profile)
  return [
    bytes("128 hosts at rest: datagrams", quiet.bytes, restRatioMax),
    bytes("128 hosts at rest: push/pull", quiet.streamBytes, restRatioMax),
    time("1 to 32 of 128 hosts are silent: first death, median", first),
    time("first death, 99.9 %", firstSlow, 12),
    time("death known to all, median", full),
    time("death known to all, 99.9 %", fullSlow),
    bytes("sent meanwhile", deaths.bytes),
    time("64 hosts in halves for 10 min: healed, median", median(seconds)),
    time("healed, slowest", seconds.some(Number.isNaN) ? Number.NaN : Math.max(...seconds), 10),
    bytes("sent during the cut", median(healed.map((one) => one.bytes))),
    time("100 hosts, a name every 3 s: known to all, median", median(named.everywhere)),
    time("known to all, 99 %", quantile(named.everywhere, 0.99), 1),
    bytes("sent meanwhile, with names", named.bytes)
  ]
}

export const experiment: Experiment = {
  id: "tradeoff",
  title: "time against bytes",
  criterion:
    "Published: the same with the set `memberlist`, looking for the lost as ours does, which is no part of it. Bytes are per host and second, push/pull included unless it is named. A time holds when it is not above that of the reference; the first deaths within 12 s, a heal within 10 s, 99 % of names within 1 s; what is sent at rest within 2 % of the reference.",
  run: (extent, tell) => {
    const parts = 4
    const ours = measure(grinta, extent, (part) => tell(part, 2 * parts))
    const theirs = measure(reference, extent, (part) => tell(parts + part, 2 * parts))
    return ours.map(({ max, ratioMax, unit, value, what }, i): Row => {
      const published = theirs[i]?.value ?? Number.NaN
      const row = { what, published, ours: value, unit, digits: unit === "s" ? 2 : 0 }
      return ratioMax === undefined ? row : { ...row, holds: value <= Math.min(max, ratioMax * published) }
    })
  }
}
