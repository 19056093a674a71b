/**
 * Configuration of one host's membership protocol: its identity, timings, limits and rules.
 * Source: memberlist-wire.md, sections 17 and 18; security.md, D-9 and D-13.
 */
import type { Address } from "../Address.ts"
import type { PacketMessage } from "../memberlist/Message.ts"
import { encode } from "../memberlist/MessageCodec.ts"
import type { Limits, Rules, Settings } from "./Settings.ts"

export type { Limits, Rules, Settings } from "./Settings.ts"

/** Reads and writes, in metadata, that a host counts its incarnations anew. */
export interface Lives {
  /** Whether `meta` says that its host counts anew, and later than `than`. */
  readonly isLater: (meta: Uint8Array, than: Uint8Array) => boolean
  /** Returns metadata that says so, later than `meta` and than the `heard` metadata; undefined when it cannot. */
  readonly next: (meta: Uint8Array, heard: Uint8Array | undefined) => Uint8Array | undefined
  /** Returns the metadata of a life that begins after those in `heard`; undefined when it need not, or cannot. */
  readonly begin: (meta: Uint8Array, heard: OtherLives) => Uint8Array | undefined
}

/** Metadata that a host has heard of other lives. */
export interface OtherLives {
  readonly ageMillis: number
  /** Lives of its own name. */
  readonly formers: ReadonlyArray<Uint8Array>
  readonly others: ReadonlyArray<Uint8Array>
  /** Members that have answered: they bound how late a life can have begun. */
  readonly shown: ReadonlyArray<Uint8Array>
}

/** Metadata without epochs: incarnations rise to their end, and accusations at the last one are refused. */
export const noLives: Lives = { isLater: () => false, next: () => undefined, begin: () => undefined }

export interface Config {
  readonly name: string
  /** The advertised address. Its port stands in for a missing port of other members. */
  readonly address: Address
  readonly meta: Uint8Array
  /** Start of this process, in microseconds since 1970: the first of two processes of one name keeps it. */
  readonly bornAtMicros: number
  /** Six bytes: protocol min, max, current, delegate min, max, current. */
  readonly versions: Uint8Array
  readonly settings: Settings
  readonly limits: Limits
  readonly rules: Rules
  readonly lives: Lives
  /** Bytes that label and encryption add to each datagram. */
  readonly framingOverheadBytes: number
  /** Whether a member may have this address: the list of allowed networks. */
  readonly admits: (address: Uint8Array) => boolean
  /** Whether a member's metadata is that of a host of this kind; other programs get no messages meant for hosts. */
  readonly isHost: (meta: Uint8Array) => boolean
  /** Whether the host is starting until the input `Begin`: see `Beginning`. */
  readonly isAwaited: boolean
  /** Encodes an outgoing message. A simulation may share encoded messages among hosts. */
  readonly encode: (message: PacketMessage) => Uint8Array
}

/** Timings for one local network. */
export const lan: Settings = {
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionRoundsMin: 0,
  suspicionMaxTimeoutMult: 6,
  confirmationsMax: undefined,
  pushPullIntervalMillis: 30_000,
  probeIntervalMillis: 1000,
  probeTimeoutMillis: 500,
  secondOpinions: 0,
  nackShare: 1,
  awarenessMaxMultiplier: 8,
  gossipIntervalMillis: 200,
  fanOut: 3,
  gossipToTheDeadMillis: 30_000,
  deadReclaimMillis: 0,
  tcpPings: true,
  packetBytesMax: 1400
}

/**
 * Timings for one local network whose hosts keep to the {@link careful} rules.
 *
 * These rules protect live members, so a suspect gets half the time; helpers send nacks while the prober still listens.
 */
export const swift: Settings = {
  ...lan,
  suspicionMult: 2,
  suspicionRoundsMin: 4,
  confirmationsMax: 2,
  secondOpinions: 4,
  nackShare: 0.8,
  deadReclaimMillis: 1000
}

/** Timings for members far apart. */
export const wan: Settings = {
  ...lan,
  suspicionMult: 6,
  pushPullIntervalMillis: 60_000,
  probeIntervalMillis: 5000,
  probeTimeoutMillis: 3000,
  gossipIntervalMillis: 500,
  fanOut: 4,
  gossipToTheDeadMillis: 60_000
}

/** Timings for members on one machine. */
export const local: Settings = {
  ...lan,
  indirectChecks: 1,
  retransmitMult: 2,
  suspicionMult: 3,
  pushPullIntervalMillis: 15_000,
  probeTimeoutMillis: 200,
  gossipIntervalMillis: 100,
  gossipToTheDeadMillis: 15_000
}

export const limits: Limits = {
  membersMax: 16_384,
  nameBytesMax: 255,
  metaBytesMax: 512,
  incarnationJumpMax: 2 ** 16,
  incarnationFirstMax: 2 ** 31,
  forgottenMax: 4096,
  forgottenMillis: 24 * 60 * 60 * 1000,
  userBroadcastsMax: 4096,
  relaysMax: 1024,
  relaysPerSecondPerSource: 128,
  learnedPerSecondPerSource: 512,
  strangersMax: 16_384,
  strangersAskedAtOnce: 2048,
  strangersAskedPerSecond: 1024,
  strangersDialledAtOnce: 256,
  strangersDialledPerSecond: 64,
  membersPerAddressMax: 4096
}

/** The baseline SWIM of the Lifeguard paper: memberlist without the additions of Lifeguard. */
export const swim: Rules = {
  awareness: false,
  scaledTimeout: false,
  failureCounts: false,
  confirmations: false,
  buddy: false,
  naturalLog: false,
  mergedDeathIsSuspicion: true,
  deathNeedsSuspicion: false,
  hearing: false,
  cuts: false,
  lateness: false,
  lastWord: false,
  urgentDeaths: false,
  doubleProbes: false,
  twins: false,
  proof: false
}

/** The rules of the reference implementation. */
export const memberlist: Rules = { ...swim, awareness: true, confirmations: true, buddy: true }

/** The rules of the Lifeguard paper. */
export const lifeguard: Rules = { ...memberlist, scaledTimeout: true, failureCounts: true }

/** The rules of the first SWIM paper. */
export const classic: Rules = { ...swim, naturalLog: true, mergedDeathIsSuspicion: false }

/** Memberlist, and a host that was busy or deaf doubts itself before it accuses. */
export const careful: Rules = {
  ...memberlist,
  deathNeedsSuspicion: true,
  hearing: true,
  cuts: true,
  lateness: true,
  lastWord: true,
  urgentDeaths: true,
  doubleProbes: true,
  twins: true,
  proof: true
}

/** Protocol 1 to 5, speaking 2, without versions of the application. */
export const versions: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0)

/** Makes a configuration from a name and an address; the other fields default to the LAN profile. */
export const make = (options: Pick<Config, "name" | "address"> & Partial<Config>): Config => ({
  meta: new Uint8Array(0),
  bornAtMicros: 0,
  lives: noLives,
  versions,
  settings: lan,
  limits,
  rules: memberlist,
  framingOverheadBytes: 0,
  admits: () => true,
  isHost: () => true,
  isAwaited: false,
  encode,
  ...options
})
