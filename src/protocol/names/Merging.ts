/** State of a message that is merged some records at a time; its outcome is decided at the end. */
import type { NameRecord } from "./NameRecords.ts"

/** Life without room for more names, now or for good. */
export interface Full {
  readonly generation: number
  readonly reason: "aside" | "hostQuota" | "recordLimit" | "writerRate"
}

/** Owned by the merging driver, and changed in place. */
export interface Merging {
  /** Records held before the first part; undefined until then. */
  heldBefore: number | undefined
  /** News among the records. */
  readonly news: Array<NameRecord>
  /** Hosts with a refused record, whose ranges therefore do not hold. */
  readonly gaps: Set<string>
  /** By host, once a record found no room: records of other new names are skipped before they are parsed. */
  readonly full: Map<string, Full>
}

export const make = (): Merging => ({ heldBefore: undefined, news: [], gaps: new Set(), full: new Map() })
