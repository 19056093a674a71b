/** Small typed calls: a request of 100 bytes and the same back, so many in flight at a time. */
import { Effect } from "effect"
import { percentile } from "../stats.ts"
import type { RowName } from "./Candidate.ts"
import { loadOf, type Said } from "./Load.ts"
import { type Effort, type Figure, need, type Row } from "./Row.ts"

/** Calls that were made in the time that was measured, and how long each of them took. */
export interface Asked {
  readonly perSecond: number
  readonly micros: ReadonlyArray<number>
}

/** What is asked: as JSON it has 100 characters. */
export const question: Said = loadOf(100, 1).said[0] ?? { from: "", text: "" }

/** The same for who has a message of bytes. */
export const questionBytes: Uint8Array = loadOf(100, 1).bytes[0] ?? new Uint8Array()

class Stopwatch {
  readonly #from: number
  readonly #to: number
  readonly #seconds: number
  readonly #micros: Array<number> = []

  constructor({ measuredSeconds, warmUpSeconds }: Effort) {
    this.#seconds = measuredSeconds
    this.#from = performance.now() + warmUpSeconds * 1000
    this.#to = this.#from + measuredSeconds * 1000
  }

  get isOver(): boolean {
    return performance.now() >= this.#to
  }

  took(began: number): void {
    const now = performance.now()
    if (began >= this.#from && now < this.#to) this.#micros.push((now - began) * 1000)
  }

  get asked(): Asked {
    return { perSecond: this.#micros.length / this.#seconds, micros: this.#micros }
  }
}

/** So many callers, each of which asks again once it has its answer. */
export const asking = async (inFlight: number, effort: Effort, ask: () => Promise<unknown>): Promise<Asked> => {
  const watch = new Stopwatch(effort)
  const loop = async (): Promise<void> => {
    while (!watch.isOver) {
      const began = performance.now()
      await ask()
      watch.took(began)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop))
  return watch.asked
}

/** The same of callers that are fibers. */
export const askingFibers = Effect.fnUntraced(function* <E, R>(
  inFlight: number,
  effort: Effort,
  ask: Effect.Effect<unknown, E, R>
) {
  const watch = new Stopwatch(effort)
  const once = Effect.suspend(() => {
    const began = performance.now()
    return Effect.map(ask, () => watch.took(began))
  })
  const loop = Effect.whileLoop({ while: () => !watch.isOver, body: () => once, step: () => undefined })
  yield* Effect.all(
    Array.from({ length: inFlight }, () => loop),
    { concurrency: "unbounded", discard: true }
  )
  return watch.asked
})

const micros = (name: string, title: string): Figure => ({ name, title, unit: "us", better: "lower" })

const row = (name: RowName, inFlight: number): Row => {
  const what = `100-byte typed calls, ${inFlight} in flight`
  return {
    name,
    figures: [
      { name, title: what, unit: "calls/s", better: "higher" },
      micros(`${name} p50`, `${what}, median`),
      micros(`${name} p99`, `${what}, 99th percentile`),
      micros(`${name} p99.9`, `${what}, 99.9th percentile`)
    ],
    measure: async ({ asks }, _, effort) => {
      const { micros, perSecond } = await need(asks, "asks")(inFlight, effort)
      return [perSecond, percentile(micros, 0.5), percentile(micros, 0.99), percentile(micros, 0.999)]
    }
  }
}

export const rows: ReadonlyArray<Row> = [row("asks-1", 1), row("asks-16", 16), row("asks-256", 256)]
