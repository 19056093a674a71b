/**
 * Who takes part: the membership plane. Any member of the memberlist protocol may be in it, grinta hosts among them.
 */
import { Context, type Effect, type Redacted, type Scope, type Stream } from "effect"
import type { Audience } from "../protocol/swim/Input.ts"
import type { Host } from "./Host.ts"
import type { NetworkError } from "./NetworkError.ts"

/** What this host believes of a member. "suspect" is perhaps dead, and counts as alive until its time is up. */
export type MemberStatus = "alive" | "suspect" | "dead" | "left"

export interface Member {
  readonly id: string
  readonly status: MemberStatus
  /** Counter that only the member itself raises, so that its latest word wins. */
  readonly incarnation: number
  /** Textual IP address and port of its gossip plane. */
  readonly address: string
  readonly port: number
  /** What it says of itself, as the bytes on the wire; a copy. At most 512. */
  readonly meta: Uint8Array
  /** The same of a grinta host; undefined for other programs in the same cluster. */
  readonly host: Host | undefined
}

/** One host's word against a member. What it saw is known where that word has come, from grinta hosts only. */
export interface Evidence {
  readonly accuser: string
  /** Probes in a row that the accuser has seen fail. */
  readonly probesMissed?: number
  /** What the accuser thought of its own health: 0 is healthy, the more the more it doubted itself. */
  readonly accuserHealth?: number
}

/**
 * A member came to be known, or its status, address or metadata changed. `from` is the status before, if any. A change to
 * suspect or dead carries its evidence; one that comes later is told as a change from the same status.
 */
export interface MemberChange {
  readonly member: Member
  readonly from: MemberStatus | undefined
  readonly evidence: ReadonlyArray<Evidence>
}

/** What rides on gossip for another plane. Its functions run between two steps of the membership machine: keep them short. */
export interface Passenger {
  /**
   * A message came in, gossiped by some member or sent by one to this host alone; duplicates and any order are normal.
   * From whom, the message itself has to say.
   */
  readonly message: (payload: Uint8Array) => Effect.Effect<void>
  /** What a peer gets from this host in a push/pull. */
  readonly localState: Effect.Effect<Uint8Array>
  /**
   * Said by a passenger whose state is for hosts alone: whether a state is one that hosts give. Members of other programs get
   * none then, nor does who is not known to be a host yet; it gets one in the answer, and gives its own later.
   */
  readonly isOfHosts?: (state: Uint8Array) => boolean
  /** What a peer gave in a push/pull. Runs beside the steps of the machine, since there may be much of it. */
  readonly mergeState: (state: Uint8Array) => Effect.Effect<void>
  readonly memberChanged: (change: MemberChange) => Effect.Effect<void>
}

/** A key as operators may see it: never itself. */
export interface GossipKey {
  /** The first 16 hex digits of its SHA-256. */
  readonly fingerprint: string
  /** Encrypts what this host sends, if anything does. */
  readonly isPrimary: boolean
  /** Packets and streams that this process has encrypted with it. Use another key before they are 2^32, on all hosts together. */
  readonly sealed: number
}

/** What a host does about plaintext. */
export interface GossipVerify {
  /** It refuses what is not encrypted. */
  readonly incoming: boolean
  /** It encrypts what it sends. */
  readonly outgoing: boolean
}

/**
 * The keys of the membership plane, in base64, each of 16, 24 or 32 bytes. The primary encrypts, every one decrypts.
 *
 * To change keys without losing a member: install the new one everywhere, use it everywhere, remove the old one everywhere.
 * From plaintext to keys: install one everywhere, which changes nothing yet, verify `outgoing` everywhere, then `incoming`
 * everywhere; and back in the other order, with `remove` at the end.
 * Errors: InvalidConfig for what is no key, for using one that is not installed, for removing the primary unless it is the
 * last and nothing is verified, for verifying without a key, and for `incoming` without `outgoing`.
 */
export interface GossipKeyring {
  readonly size: Effect.Effect<number>
  /** The primary first. */
  readonly list: Effect.Effect<ReadonlyArray<GossipKey>>
  readonly install: (key: string | Redacted.Redacted) => Effect.Effect<void, NetworkError>
  readonly use: (key: string | Redacted.Redacted) => Effect.Effect<void, NetworkError>
  readonly remove: (key: string | Redacted.Redacted) => Effect.Effect<void, NetworkError>
  readonly verified: Effect.Effect<GossipVerify>
  /** What is not said stays as it is. */
  readonly verify: (what: Partial<GossipVerify>) => Effect.Effect<void, NetworkError>
}

export class Gossip extends Context.Service<
  Gossip,
  {
    readonly self: Effect.Effect<Member>
    /** All members that this host remembers, itself and the recently dead included. */
    readonly members: Effect.Effect<ReadonlyArray<Member>>
    /** The shortest of the latest round trips to a member, as its acks of probes tell; undefined before the second. */
    readonly roundTripMillis: (id: string) => Effect.Effect<number | undefined>
    /** Changes from now on. A reader more than 4,096 changes behind loses the oldest; `members` is always current. */
    readonly changes: Stream.Stream<MemberChange>
    /**
     * Runs something at each change for the life of the scope, none left out however many come at once. It runs between two
     * steps of the membership machine, as a passenger does: keep it short.
     */
    readonly onChange: (told: (change: MemberChange) => Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Fails when this host gives its name up to another process that has it, which the others know by it; it takes part in
     * nothing from then on. Errors: NameTaken.
     */
    readonly lost: Effect.Effect<never, NetworkError>
    /** Errors: JoinFailed when no seed answered, InvalidConfig for a seed that is no address. */
    readonly join: (seeds: ReadonlyArray<string>) => Effect.Effect<number, NetworkError>
    /** Errors: Timeout when the word could not be spread; the host has left all the same. */
    readonly leave: Effect.Effect<void, NetworkError>
    /**
     * Replaces the tags of this host; the others come to know them as a change of this member. Returns when `self` has them,
     * so a passenger must not wait for it in its functions.
     * Errors: InvalidConfig when the metadata would exceed 512 bytes, FabricClosed after the leave.
     */
    readonly setTags: (tags: Readonly<Record<string, string>>) => Effect.Effect<void, NetworkError>
    /**
     * Announces that another life of this host began at this generation, in microseconds since 1970; the others come to know
     * it as a change of this member. A passenger must not wait for it in its functions.
     * Errors: InvalidConfig for what is no generation.
     */
    readonly renew: (generation: number) => Effect.Effect<void, NetworkError>
    readonly keyring: GossipKeyring
    /**
     * Gossips a message to some members, a bounded number of times; who finds it new passes it on. A newer message of the
     * same key takes the place of an older one. Said to be for "hosts", it goes to no member of another program.
     */
    readonly broadcast: (key: string, payload: Uint8Array, audience?: Audience) => Effect.Effect<void>
    /** Largest payload that `broadcast` can carry, in bytes. */
    readonly broadcastBytesMax: number
    /**
     * Sends a message to one live member over a stream, and waits until that member has taken it in.
     * Errors: HostUnreachable, also for who is no live member; QuotaExceeded above `sendBytesMax`.
     */
    readonly send: (id: string, payload: Uint8Array) => Effect.Effect<void, NetworkError>
    /** Largest payload that `send` can carry, in bytes. */
    readonly sendBytesMax: number
    /** Takes a passenger aboard for the life of the scope; there is room for one. */
    readonly board: (passenger: Passenger) => Effect.Effect<void, never, Scope.Scope>
    /** How often something was dropped or refused, by reason: bad packets, wrong labels, forged accusations. */
    readonly counters: Effect.Effect<Readonly<Record<string, number>>>
  }
>()("grinta/services/Gossip") {}
