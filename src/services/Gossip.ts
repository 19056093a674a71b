/** Gossip: the membership plane. Any member of the memberlist protocol may be in it, grinta hosts among them. */
import { Context, type Effect, type Redacted, type Scope, type Stream } from "effect"
import type { Audience } from "../protocol/swim/Input.ts"
import type { Host } from "./Host.ts"
import type { NetworkError } from "./NetworkError.ts"

/** Status of a member, as this host believes; "suspect" counts as alive until its suspicion times out. */
export type MemberStatus = "alive" | "suspect" | "dead" | "left"

/** Member of the cluster, as this host believes it to be. */
export interface Member {
  /** Name of the member, unique in the cluster. */
  readonly id: string
  /** Status of the member. */
  readonly status: MemberStatus
  /** Incarnation: a counter that only the member itself raises, so that its latest word wins. */
  readonly incarnation: number
  /** Textual IP address of its gossip plane. */
  readonly address: string
  /** Port of its gossip plane, UDP and TCP. */
  readonly port: number
  /** Metadata of the member, as on the wire; a copy. At most 512 bytes. */
  readonly meta: Uint8Array
  /** Decoded metadata of a grinta host; undefined for other programs in the same cluster. */
  readonly host: Host | undefined
}

/** Accusation of a member by one host. Only the word of a grinta host has details, and only where it has come. */
export interface Evidence {
  /** Id of the accusing member. */
  readonly accuser: string
  /** Consecutive failed probes of the accuser. */
  readonly probesMissed?: number
  /** Health score of the accuser: 0 is healthy, higher means that it doubted itself more. */
  readonly accuserHealth?: number
}

/** Change of a member: it became known, or its status, address or metadata changed. */
export interface MemberChange {
  /** Member after the change. */
  readonly member: Member
  /** Status before; undefined for a member that was unknown. */
  readonly from: MemberStatus | undefined
  /** Accusations of a suspect or dead member. Later evidence comes as a change from the same status. */
  readonly evidence: ReadonlyArray<Evidence>
}

/** Passenger: another plane's data on gossip. It runs between two steps of the membership machine: keep it short. */
export interface Passenger {
  /**
   * Receives a message, gossiped by some member or sent by one to this host alone; duplicates and any order are normal.
   * The message itself has to name its sender.
   */
  readonly message: (payload: Uint8Array) => Effect.Effect<void>
  /** State for a peer in a push/pull. */
  readonly localState: Effect.Effect<Uint8Array>
  /**
   * For state that is for hosts alone: returns true for a state given by a host. Members of other programs then get
   * none, nor do members not yet known to be hosts; such a host gets one in the answer, and gives its own later.
   */
  readonly isOfHosts?: (state: Uint8Array) => boolean
  /** Merges the state of a peer in a push/pull. Runs beside the steps of the machine, since it may be large. */
  readonly mergeState: (state: Uint8Array) => Effect.Effect<void>
  /** Receives each change of a member, in order, none left out. */
  readonly memberChanged: (change: MemberChange) => Effect.Effect<void>
}

/** Public description of a key. */
export interface GossipKey {
  /** First 16 hex digits of the SHA-256 of the key. */
  readonly fingerprint: string
  /** True for the key that encrypts, if encryption is on. */
  readonly isPrimary: boolean
  /** Packets and streams encrypted with it by this process. Change keys before all hosts together reach 2^32. */
  readonly sealed: number
}

/** Enforcement of encryption. */
export interface GossipVerify {
  /** Refuses plaintext. */
  readonly incoming: boolean
  /** Encrypts sent gossip. */
  readonly outgoing: boolean
}

/**
 * Keyring of the membership plane: base64 keys of 16, 24 or 32 bytes. The primary encrypts, every key decrypts.
 *
 * To change keys without losing a member: install the new one everywhere, use it everywhere, remove the old one
 * everywhere. From plaintext to keys: install one everywhere, which changes nothing yet, verify `outgoing` everywhere,
 * then `incoming` everywhere; and back in the other order, with `remove` at the end.
 * Errors: InvalidConfig for a malformed key, for using one not installed, for removing the primary unless it is the
 * last and nothing is verified, for verifying without a key, and for `incoming` without `outgoing`.
 */
export interface GossipKeyring {
  /** Number of keys, at most 8; 0 when gossip is plaintext. */
  readonly size: Effect.Effect<number>
  /** Keys, the primary first. */
  readonly list: Effect.Effect<ReadonlyArray<GossipKey>>
  /** Adds a key that decrypts; the first one becomes the primary. Idempotent. */
  readonly install: (key: string | Redacted.Redacted) => Effect.Effect<void, NetworkError>
  /** Makes an installed key the primary, which encrypts. */
  readonly use: (key: string | Redacted.Redacted) => Effect.Effect<void, NetworkError>
  /** Removes a key; an unknown one changes nothing. */
  readonly remove: (key: string | Redacted.Redacted) => Effect.Effect<void, NetworkError>
  /** Current enforcement; nothing is enforced without keys. */
  readonly verified: Effect.Effect<GossipVerify>
  /** Changes the given settings only. */
  readonly verify: (what: Partial<GossipVerify>) => Effect.Effect<void, NetworkError>
}

/** Gossip service: the members of the fabric, and what gossip carries for other planes. Provided by `GossipSwim`. */
export class Gossip extends Context.Service<
  Gossip,
  {
    /** This host as a member: its current address, incarnation and metadata. */
    readonly self: Effect.Effect<Member>
    /** All members that this host remembers, itself and the recently dead included. */
    readonly members: Effect.Effect<ReadonlyArray<Member>>
    /** Shortest of the latest probe round trips to a member, in milliseconds; undefined before the second. */
    readonly roundTripMillis: (id: string) => Effect.Effect<number | undefined>
    /** Changes from now on. A reader more than 4,096 changes behind loses the oldest; `members` is always current. */
    readonly changes: Stream.Stream<MemberChange>
    /**
     * Runs `told` at each change for the life of the scope, for every change, however many come at once. It runs
     * between two steps of the membership machine, as a passenger does: keep it short.
     */
    readonly onChange: (told: (change: MemberChange) => Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Waits, and fails when this host gives its name up to another process with it, by which the others know it; it
     * takes part in nothing from then on. Errors: NameTaken.
     */
    readonly lost: Effect.Effect<never, NetworkError>
    /**
     * Joins through seeds, each `[name/]host[:port]`; returns the number that answered. Errors: JoinFailed when none
     * did, InvalidConfig for a malformed seed.
     */
    readonly join: (seeds: ReadonlyArray<string>) => Effect.Effect<number, NetworkError>
    /** Leaves. Errors: Timeout when the notice could not be spread; the host has left all the same. */
    readonly leave: Effect.Effect<void, NetworkError>
    /**
     * Replaces the tags of this host; the others see them as a change of this member. Returns when `self` has them, so
     * a passenger must not wait for it in its functions.
     * Errors: InvalidConfig when the metadata would exceed 512 bytes, FabricClosed after the leave.
     */
    readonly setTags: (tags: Readonly<Record<string, string>>) => Effect.Effect<void, NetworkError>
    /**
     * Announces that another life of this host began at this generation, in microseconds since 1970; the others see it
     * as a change of this member. A passenger must not wait for it in its functions.
     * Errors: InvalidConfig for an invalid generation.
     */
    readonly renew: (generation: number) => Effect.Effect<void, NetworkError>
    /** Keys of this host, to change while it runs. */
    readonly keyring: GossipKeyring
    /**
     * Gossips a message to some members, a bounded number of times; members to whom it is new pass it on. A newer
     * message of the same key replaces an older one. With the audience "hosts" it goes to no member of another program.
     * Queues the message at once, without a wait; a message that the full queue cannot take is dropped and counted.
     */
    readonly broadcast: (key: string, payload: Uint8Array, audience?: Audience) => Effect.Effect<void>
    /** Largest payload that `broadcast` can carry, in bytes: `packetBytesMax` less label and encryption. */
    readonly broadcastBytesMax: number
    /**
     * Sends a message to one live member over a stream, and waits until that member has taken it in.
     * Errors: HostUnreachable, also when it is no live member; QuotaExceeded above `sendBytesMax`.
     */
    readonly send: (id: string, payload: Uint8Array) => Effect.Effect<void, NetworkError>
    /** Largest payload that `send` can carry, in bytes: 2 MiB in `GossipSwim`. */
    readonly sendBytesMax: number
    /** Registers a passenger for the life of the scope; there is room for one. */
    readonly board: (passenger: Passenger) => Effect.Effect<void, never, Scope.Scope>
    /** Counts of dropped or refused input, by reason: bad packets, wrong labels, forged accusations. */
    readonly counters: Effect.Effect<Readonly<Record<string, number>>>
  }
>()("grinta/services/Gossip") {}
