/** What a row is. */
import type { Client, RowName } from "./Candidate.ts"

/** The process at the other end. */
export interface Server {
  /** Bytes in use there after a garbage collection. */
  readonly memory: () => Promise<Memory>
  /** What has come there of the messages that go both ways at once. */
  readonly drained: () => Promise<Drained>
  readonly kill: () => void
}

export interface Memory {
  readonly heap: number
  /** The heap, and the buffers outside of it. */
  readonly all: number
}

/** How many bytes had come to a process when its own clock said so. */
export interface Drained {
  readonly bytes: number
  readonly atMillis: number
}

export interface Figure {
  readonly name: string
  readonly title: string
  readonly unit: string
  readonly better: "higher" | "lower"
}

/** How long a measurement takes. */
export interface Effort {
  /** Of the usual length. Round trips and opened flows are so many fewer. */
  readonly share: number
  readonly warmUpSeconds: number
  readonly measuredSeconds: number
}

/** What is measured for so long, after a warm-up of half as long again. */
export const effortOf = (measuredSeconds: number): Effort => ({
  share: measuredSeconds / usualSeconds,
  warmUpSeconds: measuredSeconds * 1.5,
  measuredSeconds
})

export const usualSeconds = 2

export interface Row {
  readonly name: RowName
  /** One measurement gives a value for each. */
  readonly figures: ReadonlyArray<Figure>
  readonly measure: (client: Client, server: Server, effort: Effort) => Promise<ReadonlyArray<number>>
}

export const need = <A>(what: A | undefined, name: string): A => {
  if (what === undefined) throw new Error(`the candidate has no ${name}`)
  return what
}

/** Bytes in use in this process after a garbage collection. */
export const memoryNow = (): Memory => {
  globalThis.gc?.()
  const { external, heapUsed } = process.memoryUsage()
  return { heap: heapUsed, all: heapUsed + external }
}
