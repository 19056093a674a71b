/** Bounds on what a directory keeps or believes. Source: faults.md, rows R3, R4, R7 and R8. */
import { Record } from "effect"

export interface Limits {
  /** Names that this host may claim, and their size as records on the wire. */
  readonly ownNamesMax: number
  readonly ownBytesMax: number
  /**
   * The same bounds for each other host. Larger, since a claim may overtake the withdrawal that made room for it, and
   * other hosts may be configured differently.
   */
  readonly hostNamesMax: number
  readonly hostBytesMax: number
  /** Records of all other hosts together, tombstones included; those of this host need no room here. */
  readonly recordsMax: number
  readonly recordsBytesMax: number
  /**
   * Rate at which each other host may change its names after its burst, see `Budget`. Changes above it are refused, and
   * brought by a later exchange of digests.
   */
  readonly writerRecordsPerSecond: number
  readonly writerBytesPerSecond: number
  /** Latest tombstones kept per host; up to a quarter more for a while. */
  readonly tombstonesMax: number
  readonly tombstoneMillis: number
  /** `tombstoneMillis` while more than half of the room for the records of other hosts is taken. */
  readonly tombstoneCrowdedMillis: number
  /** How long the records of a host that is no longer a member are kept, in case it returns. They are not passed on. */
  readonly orphanMillis: number
  /**
   * Records set aside (see `Aside`): in all, with a quarter of it per host and as many again for former lives; lives
   * per host; and how long they wait.
   */
  readonly asideRecordsMax: number
  readonly asideLivesMax: number
  readonly asideMillis: number
  /** Largest step of a version above the highest one known of a host's life. */
  readonly versionJumpMax: number
  /** News of one push/pull to gossip on, at most. */
  readonly relayMax: number
  /** News of one piece of a delta to gossip on, at most. */
  readonly deltaRelayMax: number
}

export const defaults: Limits = {
  ownNamesMax: 4096,
  ownBytesMax: 512 * 1024,
  hostNamesMax: 8192,
  hostBytesMax: 1024 * 1024,
  recordsMax: 131_072,
  recordsBytesMax: 12 * 1024 * 1024,
  writerRecordsPerSecond: 256,
  writerBytesPerSecond: 32 * 1024,
  tombstonesMax: 4096,
  tombstoneMillis: 24 * 60 * 60 * 1000,
  tombstoneCrowdedMillis: 5 * 60 * 1000,
  orphanMillis: 60 * 60 * 1000,
  asideRecordsMax: 16_384,
  asideLivesMax: 4,
  asideMillis: 2 * 60 * 1000,
  versionJumpMax: 2 ** 32,
  relayMax: 1024,
  deltaRelayMax: 64
}

/** Returns the first invalid limit, and why; undefined when all are valid. */
export const violation = (limits: Limits): { readonly limit: string; readonly detail: string } | undefined => {
  const wrong = Record.toEntries(limits).find(([, value]) => !Number.isSafeInteger(value) || value < 1)
  return wrong && { limit: wrong[0], detail: `${wrong[1]} is no whole number from 1 to 2^53 - 1` }
}
