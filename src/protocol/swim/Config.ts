/**
 * What one host's membership protocol is told: who it is, its timings, its limits and its rules.
 *
 * Source: memberlist-protocol.md, sections 17 and 18; faults.md, D-9 and D-13.
 */
import type { Address } from "../Address.ts"
import type { PacketMessage } from "../memberlist/Message.ts"
import { encode } from "../memberlist/MessageCodec.ts"

/** Timings and multipliers. An interval of 0 switches its loop off, but the probe interval must be positive. */
export interface Settings {
  /** Helpers asked for an indirect probe. */
  readonly indirectChecks: number
  readonly retransmitMult: number
  readonly suspicionMult: number
  /** The shortest suspicion in a cluster of any size, in probe intervals: a small one would decide within a pause. */
  readonly suspicionRoundsMin: number
  readonly suspicionMaxTimeoutMult: number
  /** Accusers, beside the first, that shorten a suspicion to its minimum; undefined for `suspicionMult - 2`. */
  readonly confirmationsMax: number | undefined
  readonly pushPullIntervalMillis: number
  readonly probeIntervalMillis: number
  readonly probeTimeoutMillis: number
  /** How many of those that hear of a suspicion probe the suspect themselves, out of turn; 0 for none. */
  readonly secondOpinions: number
  /** When a helper says that it got no answer, as a share of its probe time-out. */
  readonly nackShare: number
  /** The health score lies in [0, this - 1]. */
  readonly awarenessMaxMultiplier: number
  readonly gossipIntervalMillis: number
  /** Members addressed per gossip round. */
  readonly fanOut: number
  readonly gossipToTheDeadMillis: number
  /** After this long a dead member's name may come back from another address; 0 for never. */
  readonly deadReclaimMillis: number
  /** Whether a silent member is also asked over TCP. */
  readonly tcpPings: boolean
  /** Soft budget of one datagram. */
  readonly packetBytesMax: number
}

/** Bounds on what is kept or believed. */
export interface Limits {
  readonly membersMax: number
  readonly nameBytesMax: number
  readonly metaBytesMax: number
  /** How far above the incarnation we know a message may go; a message further up has no effect. */
  readonly incarnationJumpMax: number
  /**
   * The same for a name never heard of, and for the first word of a push/pull about ourselves after a restart. A host that
   * would have to go above it starts over.
   */
  readonly incarnationFirstMax: number
  /** Names forgotten by the reaper whose last incarnation is still remembered, against replays. */
  readonly forgottenMax: number
  readonly forgottenMillis: number
  readonly userBroadcastsMax: number
  /** Indirect probes carried for others at one time. */
  readonly relaysMax: number
  /** For each address: all hosts behind one share them. */
  readonly relaysPerSecondPerSource: number
  /** For each address: all hosts behind one share them. */
  readonly learnedPerSecondPerSource: number
  /** Names that have not answered yet, half of them told by one address at most; and how many are asked. */
  readonly strangersMax: number
  readonly strangersAskedAtOnce: number
  readonly strangersAskedPerSecond: number
  /** Of those that did not answer a datagram, how many are asked over TCP: a connection costs as much as 30 datagrams. */
  readonly strangersDialledAtOnce: number
  readonly strangersDialledPerSecond: number
  /** Members at one address, whatever their ports. */
  readonly membersPerAddressMax: number
}

/** Which rules apply. The named sets are {@link memberlist}, {@link lifeguard}, {@link swim} and {@link classic}. */
export interface Rules {
  /** A health score lengthens the probe interval of a host that doubts itself; helpers that get no answer say so. */
  readonly awareness: boolean
  /** The health score lengthens the probe time-out too. */
  readonly scaledTimeout: boolean
  /** A failed probe counts against the health of the prober even when all helpers spoke. */
  readonly failureCounts: boolean
  /** A suspicion starts long and is shortened by independent accusers. */
  readonly confirmations: boolean
  /** A suspect is told in the probe itself that it is suspected. */
  readonly buddy: boolean
  /** Suspicion and retransmission go by `ceil(ln(n + 1))` instead of the decimal logarithm. */
  readonly naturalLog: boolean
  /** A death learnt by push/pull is only a suspicion, so that the member can refute. */
  readonly mergedDeathIsSuspicion: boolean
  /** A death heard of a member that had no time to answer an accusation becomes a short suspicion. */
  readonly deathNeedsSuspicion: boolean
  /** A host that hears nothing from anybody doubts its own link: it accuses nobody, and no suspect's time runs out. */
  readonly hearing: boolean
  /** A host that may be on the smaller side of a cut asks everybody at once, and keeps talking to those that it hears. */
  readonly cuts: boolean
  /** Time that the process slept through (a timer that came late) counts against nobody else. */
  readonly lateness: boolean
  /** A suspect is asked once more, directly, before its time is over; the accused answer their accuser directly too. */
  readonly lastWord: boolean
  /** A death is passed on at once, not only in the next gossip round. */
  readonly urgentDeaths: boolean
  /** A host that hears its name from another address says where it is until it is known, and asks who is there. */
  readonly twins: boolean
  /** A name that was never heard of is no member until it has acknowledged a ping. */
  readonly proof: boolean
}

/** How metadata says that a host counts its incarnations anew. */
export interface Lives {
  /** Whether `meta` says so, and later than `than`. */
  readonly isLater: (meta: Uint8Array, than: Uint8Array) => boolean
  /** The metadata that says so, later than `meta` and than what was `heard`; undefined when it cannot. */
  readonly next: (meta: Uint8Array, heard: Uint8Array | undefined) => Uint8Array | undefined
  /** The metadata of a life that begins after those that were heard of; undefined when it need not, or cannot. */
  readonly begin: (meta: Uint8Array, heard: Heard) => Uint8Array | undefined
}

/** What a host has heard of other lives, as metadata. */
export interface Heard {
  readonly ageMillis: number
  /** Of lives of its own name. */
  readonly formers: ReadonlyArray<Uint8Array>
  readonly others: ReadonlyArray<Uint8Array>
  /** Of members that have answered: how late a life can be is measured by them. */
  readonly shown: ReadonlyArray<Uint8Array>
}

/** Metadata that does not say so: incarnations go on until they end, and none may be accused at the last one. */
export const noLives: Lives = { isLater: () => false, next: () => undefined, begin: () => undefined }

export interface Config {
  readonly name: string
  /** The advertised address. Its port stands in for a missing port of other members. */
  readonly address: Address
  readonly meta: Uint8Array
  /** Start of this process, in microseconds since 1970: of two processes of one name the first keeps it. */
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
  /** Whether the metadata of a member is that of a host like this one; other programs get no messages that are for hosts. */
  readonly isHost: (meta: Uint8Array) => boolean
  /** Whether the start waits for its name, until the input `Begin`: see `Beginning`. */
  readonly isAwaited: boolean
  /** Encodes a message to send. A simulation may share encoded messages among hosts. */
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
 * Since those rules protect the living, a suspect gets half the time; helpers speak while the prober still listens.
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

/** The SWIM that the Lifeguard paper compares with: memberlist without what Lifeguard added. */
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
  twins: false,
  proof: false
}

/** What the reference implementation does. */
export const memberlist: Rules = { ...swim, awareness: true, confirmations: true, buddy: true }

/** What the Lifeguard paper describes. */
export const lifeguard: Rules = { ...memberlist, scaledTimeout: true, failureCounts: true }

/** The SWIM of the first paper. */
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
  twins: true,
  proof: true
}

/** Protocol 1 to 5, speaking 2, without versions of the application. */
export const versions: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0)

/** A configuration from a name and an address; all else has a default (the LAN profile). */
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
