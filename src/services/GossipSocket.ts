/**
 * Gossip socket: datagrams and byte streams on one port number.
 *
 * It moves uninterpreted bytes. Swap it to change the network under the membership plane.
 */
import { type Cause, Context, Data, type Effect, type Redacted, type Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { Address } from "../protocol/Address.ts"

/** Failure of a stream or a look-up. */
export class SocketFailed extends Data.TaggedError("SocketFailed")<{
  /**
   * "refused": nobody serves there. "lost": the path or the peer broke. "closed": this port is closed. "unknown": the
   * name has no address.
   */
  readonly how: "refused" | "lost" | "closed" | "unknown"
  /** Cause, for people. */
  readonly detail: string
}> {}

/** Datagram received. */
export interface Datagram {
  /** Sender, as the network shows it; anybody may forge it. */
  readonly from: Address
  /** Bytes of the datagram, owned by the receiver. */
  readonly payload: Uint8Array
}

/**
 * Byte stream: a two-way exchange, with one writing and one reading fiber. Leaving its scope cuts it off: write
 * everything that must arrive before `end`.
 */
export interface ByteStream {
  /** Address of the peer, as far as it is known. */
  readonly peer: Address
  /** Reads the next bytes; `Cause.Done` once the peer has ended its side. */
  readonly read: Effect.Effect<Uint8Array, SocketFailed | Cause.Done>
  /** Writes bytes, and waits until there is room for more. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, SocketFailed>
  /** Ends this side, and waits until all written bytes are on their way. */
  readonly end: Effect.Effect<void, SocketFailed>
}

/** Gossip socket service: one port. Provided by `GossipSocketNode` or `GossipSocketMemory`. */
export class GossipSocket extends Context.Service<
  GossipSocket,
  {
    /** Address to which the port is bound, perhaps unspecified (0.0.0.0). */
    readonly address: Address
    /** Keys of the socket, in base64, the primary first: gossip over it is encrypted with them, or with later ones. */
    readonly keys?: ReadonlyArray<Redacted.Redacted>
    /** Programs that reach it: those of this machine, or of others too. Absent when only this program can. */
    readonly reach?: "machine" | "network"
    /** Current address for other hosts, if none is configured. */
    readonly advertised: Effect.Effect<Address>
    /** Datagrams since the last call, at least one. For one fiber. Fails once the port is closed. */
    readonly receive: Effect.Effect<NonEmptyReadonlyArray<Datagram>, SocketFailed>
    /** Sends a datagram, or counts why not. Never waits for the network. */
    readonly send: (to: Address, payload: Uint8Array) => Effect.Effect<void>
    /** Opens a stream, without a timeout of its own. */
    readonly dial: (to: Address) => Effect.Effect<ByteStream, SocketFailed, Scope.Scope>
    /** Serves incoming streams for the life of the scope, each in a fiber of its own, which owns the stream. */
    readonly serve: (onStream: (stream: ByteStream) => Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
    /** Resolves a host name to all its addresses, of 4 or 16 bytes, without a timeout of its own. */
    readonly lookup: (host: string) => Effect.Effect<ReadonlyArray<Uint8Array>, SocketFailed>
    /** Resolves a DNS service name (SRV), such as "_gossip._udp.example.com", to targets in the order of trial. */
    readonly lookupService: (name: string) => Effect.Effect<
      ReadonlyArray<{
        /** Host name of the target. */
        readonly host: string
        /** Port of the target. */
        readonly port: number
      }>,
      SocketFailed
    >
    /** Counts of drops and failures, by reason. */
    readonly counters: Effect.Effect<Readonly<Record<string, number>>>
  }
>()("grinta/services/GossipSocket") {}
