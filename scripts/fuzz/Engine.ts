/**
 * Feeds a target with mutants for some time. Inputs that reach new code join the legal ones, and are changed further.
 */
import * as Random from "../../src/testing/Random.ts"
import * as Coverage from "./Coverage.ts"
import * as Mutate from "./Mutate.ts"
import * as Oracle from "./Oracle.ts"
import type { Target } from "./Target.ts"

export interface Report {
  readonly target: string
  readonly inputs: number
  /** Inputs that reached new code. */
  readonly kept: number
  readonly blocks: number
  readonly findings: ReadonlyArray<Oracle.Finding & { readonly input: Uint8Array }>
}

export interface Options {
  readonly seconds: number
  readonly seed: string
  /** Follows which code runs. */
  readonly isGuided: boolean
  /** Ends after so many. */
  readonly findingsMax?: number
}

/** Inputs between two looks at what has run. */
const batchSize = 400
/** Inputs that are kept to be changed further; of more, the oldest go. */
const keptMax = 2_000
/** Between two looks at whether memory is given back. */
const leakInputs = 20_000
const leakBytesMax = 16 * 1024 * 1024

const boundsOf = (target: Target): Oracle.Bounds => ({ ...Oracle.defaults, ...target.bounds })

/** What is wrong with an input; `isSuspect` takes longer and sees more. */
export const judge = (target: Target, input: Uint8Array, isSuspect = true): Oracle.Finding | undefined =>
  Oracle.judge(() => target.run(input), input.length, boundsOf(target), isSuspect)

export const fuzz = async (target: Target, { findingsMax = 3, isGuided, seconds, seed }: Options): Promise<Report> => {
  const random = Random.make(`${seed}/${target.name}`)
  const legal = [...target.legal]
  const findings: Array<Oracle.Finding & { readonly input: Uint8Array }> = []
  for (const input of legal) {
    const finding = judge(target, input)
    if (finding !== undefined) findings.push({ ...finding, input })
  }
  const coverage = isGuided ? await Coverage.start() : undefined
  let inputs = 0
  let kept = 0
  const note = (input: Uint8Array, finding: Oracle.Finding): void => {
    const threw = finding.kind === "threw"
    const isSame = (smaller: Uint8Array) =>
      Oracle.is(finding.kind, () => target.run(smaller), smaller.length, boundsOf(target))
    const smallest = Mutate.minimise(input, isSame, threw ? 2_000 : 30)
    findings.push({ ...(judge(target, smallest) ?? finding), input: smallest })
  }
  const run = (input: Uint8Array): void => {
    inputs += 1
    const finding = judge(target, input, false)
    if (finding !== undefined) note(input, finding)
  }
  const runAll = (batch: ReadonlyArray<Uint8Array>): void => {
    for (const input of batch) if (findings.length < findingsMax) run(input)
  }
  /** Keeps an input of a batch that has reached one of these blocks: which it is shows when halves of it run again. */
  const keep = async (batch: ReadonlyArray<Uint8Array>, news: ReadonlySet<string>, { take }: Coverage.Coverage) => {
    let left = batch
    while (left.length > 1) {
      const half = left.slice(0, left.length / 2)
      await take()
      for (const input of half) judge(target, input, false)
      const ran = await take()
      left = [...news].some((block) => ran.has(block)) ? half : left.slice(half.length)
    }
    legal.push(...left)
    kept += 1
    if (legal.length > keptMax) legal.splice(target.legal.length, legal.length - keptMax)
  }

  runAll(target.legal)
  if (coverage !== undefined) coverage.learn(await coverage.take())
  let base = Oracle.held()
  let nextLook = inputs + leakInputs
  const until = performance.now() + seconds * 1000
  while (performance.now() < until && findings.length < findingsMax) {
    const batch = Array.from({ length: batchSize }, () => Mutate.mutant(random, legal, target.bytesMax))
    runAll(batch)
    if (coverage !== undefined) {
      const news = coverage.learn(await coverage.take())
      if (news.size > 0) await keep(batch, news, coverage)
    }
    if (inputs >= nextLook) {
      nextLook = inputs + leakInputs
      const now = Oracle.held()
      const grown = now - base - keptMax * target.bytesMax
      if (grown > leakBytesMax)
        findings.push({ kind: "heavy", detail: `${grown} bytes are never given back`, input: new Uint8Array(0) })
      base = Math.min(base, now)
    }
  }
  const blocks = coverage?.seen() ?? 0
  await coverage?.stop()
  return { target: target.name, inputs, kept, blocks, findings }
}
