/** Bounds on what a directory keeps or believes. Source: faults.md, rows R3, R4, R7 and R8. */
import { Record } from "effect"

export interface Limits {
  /** Names that this host may claim, and what their records take on the wire. */
  readonly ownNamesMax: number
  readonly ownBytesMax: number
  /**
   * The same for each other host. Larger, since a claim may overtake the withdrawal that made room for it, and since the
   * other host may be configured otherwise.
   */
  readonly hostNamesMax: number
  readonly hostBytesMax: number
  /** Records of all other hosts together, tombstones included. What this host claims itself needs no room here. */
  readonly recordsMax: number
  readonly recordsBytesMax: number
  /**
   * How fast each other host may change its names when it has used up what it may change at once, see `Budget`. What goes
   * beyond is refused, and brought by a later exchange of digests.
   */
  readonly writerRecordsPerSecond: number
  readonly writerBytesPerSecond: number
  /** Tombstones of each host, the latest ones; up to a quarter more for a while. */
  readonly tombstonesMax: number
  readonly tombstoneMillis: number
  /** The same while more than half of the room for the records of all other hosts is taken. */
  readonly tombstoneCrowdedMillis: number
  /** How long the records of a host that is no member any more are kept, should it come back. They are not passed on. */
  readonly orphanMillis: number
  /**
   * Records of lives that membership does not show (see `Aside`): in all, a quarter of it for each host, as many again of
   * lives that were believed until a moment ago; lives of each host; and how long they wait.
   */
  readonly asideRecordsMax: number
  readonly asideLivesMax: number
  readonly asideMillis: number
  /** How far above the highest version known of a host's life a version may be. */
  readonly versionJumpMax: number
  /** News from one push/pull that is gossiped on. */
  readonly relayMax: number
  /** News from one piece of a delta that is gossiped on. */
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

/** What is wrong with the first limit that cannot work, if any. */
export const violation = (limits: Limits): { readonly limit: string; readonly detail: string } | undefined => {
  const wrong = Record.toEntries(limits).find(([, value]) => !Number.isSafeInteger(value) || value < 1)
  return wrong && { limit: wrong[0], detail: `${wrong[1]} is no whole number from 1 to 2^53 - 1` }
}
