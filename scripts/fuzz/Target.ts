/** Something that takes bytes from elsewhere. */
import type { Bounds } from "./Oracle.ts"

export interface Target {
  readonly name: string
  readonly says: string
  readonly legal: ReadonlyArray<Uint8Array>
  readonly bytesMax: number
  readonly bounds?: Partial<Bounds>
  /** Takes an input. Whatever it throws is a finding: a law of its own that does not hold, or an error that nobody declared. */
  readonly run: (input: Uint8Array) => void
}
