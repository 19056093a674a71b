/** X8: false deaths while members block in cycles. Source: Lifeguard, table IV. */
import { grinta, type Profile, paper, reference } from "../membership/Profiles.ts"
import type { Experiment, Row } from "../Report.ts"
import { cells, type Sweep, sweep } from "./Lifeguard.ts"

interface Published {
  readonly all: number
  readonly atHealthy: number
}

const runsPublished = 4320

/** Table IV, per run, by name. */
const cases: ReadonlyArray<readonly [string, Profile, Published | undefined]> = [
  ["SWIM", paper.swim, { all: 339_002 / runsPublished, atHealthy: 1326 / runsPublished }],
  ["LHA-Probe", paper.lhaProbe, { all: 229_574 / runsPublished, atHealthy: 436 / runsPublished }],
  ["LHA-Suspicion", paper.lhaSuspicion, { all: 10_174 / runsPublished, atHealthy: 89 / runsPublished }],
  ["Buddy", paper.buddy, { all: 318_935 / runsPublished, atHealthy: 591 / runsPublished }],
  ["Lifeguard", paper.lifeguard, { all: 5193 / runsPublished, atHealthy: 25 / runsPublished }],
  ["reference", reference, undefined],
  ["ours", grinta, undefined]
]

const isRatioNear = (ours: number, published: number): boolean => ours <= published * 1.5 && ours >= published / 1.5

const rowsOf = (name: string, found: Sweep, base: Sweep, published: Published | undefined): ReadonlyArray<Row> => {
  const [, , swim] = cases[0] ?? []
  const rows: Array<Row> = []
  const add = (label: string, of: "all" | "atHealthy"): void => {
    const row = { what: `${name}, ${label} per run`, published: published?.[of], ours: found[of], digits: 3 }
    const figure = published?.[of]
    rows.push(figure === undefined ? row : { ...row, holds: found[of] <= 2 * figure && found[of] >= figure / 2 })
    if (name === "SWIM") return
    const share = (100 * found[of]) / base[of]
    const relative = figure === undefined || swim === undefined ? undefined : (100 * figure) / swim[of]
    const part = { what: `${name}, ${label}, share of SWIM`, published: relative, ours: share, unit: "%" }
    rows.push(relative === undefined ? part : { ...part, holds: isRatioNear(share, relative) })
  }
  add("FP", "all")
  add("FP-", "atHealthy")
  return rows
}

export const experiment: Experiment = {
  id: "X8",
  title: "false deaths under members that block in cycles",
  criterion:
    "FP: deaths of members never in trouble; FP-: those that a healthy member believed. Holds within a factor of 2 per run, of 1.5 for a share of SWIM; ours when FP- is 0 and FP at most 0.5 % of SWIM.",
  run: (extent, tell) => {
    const chosen = cells(extent)
    const found = new Map(
      cases.map(([name, profile], i) => [
        name,
        sweep(profile, chosen, false, (done, of) => tell(i * of + done, cases.length * of))
      ])
    )
    const base = found.get("SWIM")
    const ours = found.get("ours")
    if (base === undefined || ours === undefined) return []
    const paused = sweep(grinta, chosen, true, tell)
    return [
      ...cases.flatMap(([name, , published]) => rowsOf(name, found.get(name) ?? base, base, published)),
      { what: "ours, bound on FP-", published: 0, ours: ours.atHealthy, digits: 3, holds: ours.atHealthy === 0 },
      {
        what: "ours, bound on FP, share of SWIM",
        published: 0.5,
        ours: (100 * ours.all) / base.all,
        unit: "%",
        holds: ours.all <= 0.005 * base.all
      },
      { what: "ours, whole processes paused, FP per run", published: undefined, ours: paused.all, digits: 3 },
      {
        what: "ours, whole processes paused, FP- per run",
        published: 0,
        ours: paused.atHealthy,
        digits: 3,
        holds: paused.atHealthy === 0
      },
      { what: "runs of each configuration", published: undefined, ours: base.runs, digits: 0 }
    ]
  }
}
