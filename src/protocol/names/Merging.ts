/** What is known of a message that is merged some records at a time: what it comes to is decided at its end. */
import type { NameRecord } from "./NameRecords.ts"

/** A life for more names of which there is no room, or not yet. */
export interface Full {
  readonly generation: number
  readonly reason: "aside" | "hostQuota" | "recordLimit" | "writerRate"
}

/** It belongs to whoever merges, which changes it in place. */
export interface Merging {
  /** Records that were held before; undefined while none was merged. */
  heldBefore: number | undefined
  /** Those of its records that were news. */
  readonly news: Array<NameRecord>
  /** Hosts of which a record was refused, so that what is said of all their records does not hold. */
  readonly gaps: Set<string>
  /** By host: one of its records found no room, so that those of other new names are passed over before they are parsed. */
  readonly full: Map<string, Full>
}

export const make = (): Merging => ({ heldBefore: undefined, news: [], gaps: new Set(), full: new Map() })
