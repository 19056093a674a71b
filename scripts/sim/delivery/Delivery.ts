/** The delivery scenario: random programs over whole hosts, seed after seed, and what they come to. */
import { Effect } from "effect"
import * as Program from "./Program.ts"
import * as Run from "./Run.ts"

export interface Total {
  readonly seeds: number
  readonly connects: number
  readonly opened: number
  readonly messages: number
  readonly denials: number
  readonly virtualSeconds: number
  /** Seeds that broke a law, each made as small as could be. */
  readonly broken: ReadonlyArray<Run.Verdict>
}

export interface Options {
  readonly seeds: number
  /** The first seed; the others are the numbers after it. */
  readonly first: number
  readonly tell?: (done: number) => void
}

/** Broken programs that are made small: it takes hundreds of runs. */
const minimizedMax = 3

export const run = ({ first, seeds, tell }: Options): Effect.Effect<Total> =>
  Effect.gen(function* () {
    const sum = { connects: 0, opened: 0, messages: 0, denials: 0, virtualMillis: 0 }
    const broken: Array<Run.Verdict> = []
    for (let i = 0; i < seeds; i++) {
      const verdict = yield* Run.run(Program.make(String(first + i)))
      sum.connects += verdict.connects
      sum.opened += verdict.opened
      sum.messages += verdict.messages
      sum.denials += verdict.denials
      sum.virtualMillis += verdict.virtualMillis
      if (verdict.violations.length > 0)
        broken.push(broken.length < minimizedMax ? yield* Run.minimize(verdict) : verdict)
      tell?.(i + 1)
    }
    const { virtualMillis, ...counts } = sum
    return { seeds, ...counts, virtualSeconds: Math.round(virtualMillis / 1000), broken }
  })

/** One program again, as it was printed. */
export const replay = (program: Program.Program): Effect.Effect<Run.Verdict> => Run.run(program)

export const summary = (total: Total): string =>
  [
    `delivery: ${total.seeds} seeds, ${total.virtualSeconds} s of virtual time`,
    `  ${total.connects} connects, ${total.opened} flows, ${total.messages} messages given to their readers, ${total.denials} times "no"`,
    `  laws broken by ${total.broken.length} seeds`,
    ...total.broken.flatMap(({ program, violations }) => [
      `  seed ${program.seed}:`,
      ...violations.map((violation) => `    ${violation}`),
      `    the smallest program found that breaks one, for --program FILE: ${JSON.stringify(program)}`
    ])
  ].join("\n")
