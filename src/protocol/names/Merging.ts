/** What is known of a message that is merged some records at a time: what it comes to is decided at its end. */
import type { NameRecord } from "./NameRecords.ts"

/** It belongs to whoever merges, which changes it in place. */
export interface Merging {
  /** Records that were held before; undefined while none was merged. */
  heldBefore: number | undefined
  /** Those of its records that were news. */
  readonly news: Array<NameRecord>
  /** Hosts of which a record was refused, so that what is said of all their records does not hold. */
  readonly gaps: Set<string>
}

export const make = (): Merging => ({ heldBefore: undefined, news: [], gaps: new Set() })
