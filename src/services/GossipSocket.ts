/**
 * One gossip port: datagrams and byte streams on the same port number.
 *
 * It moves bytes and does not know what they mean. Swap it to change the network under the membership plane.
 */
import { type Cause, Context, Data, type Effect, type Redacted, type Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { Address } from "../protocol/Address.ts"

/**
 * A stream or a look-up failed. "refused": nobody serves there. "lost": the path or the peer broke. "closed": this port
 * is closed. "unknown": the name has no address.
 */
export class SocketFailed extends Data.TaggedError("SocketFailed")<{
  readonly how: "refused" | "lost" | "closed" | "unknown"
  readonly detail: string
}> {}

export interface Datagram {
  readonly from: Address
  /** Owned by the receiver. */
  readonly payload: Uint8Array
}

/**
 * One two-way exchange of bytes. One fiber writes and one reads. Leaving its scope cuts it off: what is to arrive for
 * sure is written before `end`.
 */
export interface ByteStream {
  /** Address of the peer, as far as it is known. */
  readonly peer: Address
  /** The next bytes; `Cause.Done` once the peer has ended its side. */
  readonly read: Effect.Effect<Uint8Array, SocketFailed | Cause.Done>
  /** Hands bytes on, and waits until there is room for more. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, SocketFailed>
  /** Ends this side, and waits until all that was written is on its way. */
  readonly end: Effect.Effect<void, SocketFailed>
}

export class GossipSocket extends Context.Service<
  GossipSocket,
  {
    /** Where the port is bound; the address may be unspecified (0.0.0.0). */
    readonly address: Address
    /** Keys that it was opened with, in base64, the primary first: gossip over it is encrypted with them, or with others. */
    readonly keys?: ReadonlyArray<Redacted.Redacted>
    /** Whose programs reach it: those of this machine, or of others too. Left out where it is this program alone. */
    readonly reach?: "machine" | "network"
    /** Where others reach it by now, if nothing else is configured. */
    readonly advertised: Effect.Effect<Address>
    /** The datagrams that came since the last call, at least one. For one fiber. Fails once the port is closed. */
    readonly receive: Effect.Effect<NonEmptyReadonlyArray<Datagram>, SocketFailed>
    /** Sends a datagram, or counts why it could not be sent. Never waits for the network. */
    readonly send: (to: Address, payload: Uint8Array) => Effect.Effect<void>
    /** Opens a stream. It has no time limit of its own. */
    readonly dial: (to: Address) => Effect.Effect<ByteStream, SocketFailed, Scope.Scope>
    /** Serves incoming streams for the life of the scope, each in a fiber of its own, which owns the stream. */
    readonly serve: (onStream: (stream: ByteStream) => Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
    /** All addresses of a host name, in 4 or 16 bytes. It has no time limit of its own. */
    readonly lookup: (host: string) => Effect.Effect<ReadonlyArray<Uint8Array>, SocketFailed>
    /** The hosts and ports behind a DNS service name (SRV), such as "_gossip._udp.example.com", the first to try first. */
    readonly lookupService: (
      name: string
    ) => Effect.Effect<ReadonlyArray<{ readonly host: string; readonly port: number }>, SocketFailed>
    /** How often something was dropped or failed, by reason. */
    readonly counters: Effect.Effect<Readonly<Record<string, number>>>
  }
>()("grinta/services/GossipSocket") {}
