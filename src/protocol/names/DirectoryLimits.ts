/** Bounds on what a directory keeps or believes. Source: faults.md, rows R3, R4, R7 and R8. */
import { Record } from "effect"

/**
 * Bounds of the names that a host exposes, keeps and believes. Records are name records as on the wire: 40 bytes and
 * the names of host and endpoint. Times are in milliseconds. Beyond a bound a record is refused and counted in the
 * metric `grinta_names_dropped`; see docs/limits.md.
 * Errors: InvalidConfig for what is no whole number from 1.
 */
export interface Limits {
  /**
   * Names that this host may expose at a time; 4,096 by default, then QuotaExceeded. At most `hostNamesMax` of others.
   */
  readonly ownNamesMax: number
  /** Bytes of their records; 524,288 by default, then QuotaExceeded. At most `hostBytesMax` of others. */
  readonly ownBytesMax: number
  /**
   * Names believed of each other host; 8,192 by default. Twice `ownNamesMax`, since a claim may overtake the withdrawal
   * that made room for it, and other hosts may be configured differently.
   */
  readonly hostNamesMax: number
  /** Bytes of the records of each other host; 1,048,576 by default, twice `ownBytesMax` for the same reason. */
  readonly hostBytesMax: number
  /** Records of all other hosts together, tombstones included; 131,072 by default, about 340 bytes of memory each. */
  readonly recordsMax: number
  /** Bytes of those records; 12,582,912 by default. Names beyond it are not known here. */
  readonly recordsBytesMax: number
  /**
   * Changes a second that are taken of each other host after a burst of twice what it may hold; 256 by default. Later
   * ones are refused, and brought by an exchange of digests.
   */
  readonly writerRecordsPerSecond: number
  /** Bytes a second of those changes; 32,768 by default. */
  readonly writerBytesPerSecond: number
  /** Latest tombstones kept per host; 4,096 by default, up to a quarter more for a while. */
  readonly tombstonesMax: number
  /** Time for which a tombstone is kept, so that a withdrawn name cannot come back; 24 hours by default. */
  readonly tombstoneMillis: number
  /** The same while more than half of the room for the records of other hosts is taken; 5 minutes by default. */
  readonly tombstoneCrowdedMillis: number
  /**
   * Time for which the records of a host that is no longer a member are kept, in case it returns; 1 hour by default.
   * They are not passed on.
   */
  readonly orphanMillis: number
  /**
   * Records of lives that no member shows yet, in all; 16,384 by default, a quarter of it per host. As many again of
   * lives that were believed until a moment ago.
   */
  readonly asideRecordsMax: number
  /** Such lives per host; 4 by default. */
  readonly asideLivesMax: number
  /** Time for which such records wait; 2 minutes by default. */
  readonly asideMillis: number
  /** Largest step of a version above the highest one known of a host's life; 2^32 by default. */
  readonly versionJumpMax: number
  /** News of one push/pull to gossip on, at most; 1,024 by default. */
  readonly relayMax: number
  /** News of one piece of a delta to gossip on, at most; 64 by default. */
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
