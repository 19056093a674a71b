/**
 * Flow: a typed, bidirectional exchange of messages between a caller and an endpoint.
 *
 * Both directions are independent: `end` ends one, the other goes on. There is no `close`: the lifetime of a flow is
 * the scope in which it was opened, and at the endpoint that of its handler. After that every pending or later
 * operation fails with `FlowClosed`. Leaving the scope resets the flow on both sides, unless both directions have
 * ended, or this one has ended and the scope closes without a failure: then sent messages still arrive, as long as the
 * other side reads them and finishes within 5 seconds. To know that they did, `end` and read `messages` to their end: a
 * caller that has ended sees the end once the handler is done, or the error with which the handler failed.
 *
 * Messages arrive in order, each at most once. The stream of messages ends cleanly only if everything that the other
 * side sent before its `end` has come; anything else is a typed error.
 */
import type { Cause, Effect, Sink, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { Metadata } from "../protocol/flow/Metadata.ts"
import type { Identity } from "../protocol/Proof.ts"
import type { FlowError } from "./FlowError.ts"

/** Other side of a flow. */
export interface Peer {
  /** Host id: the proven one, or the claimed one where nothing is proven. "" for a client outside the fabric. */
  readonly id: string
  /**
   * Proven identity: over TLS a host, or a client with a certificate; over any other network nothing; within one
   * process that host. For a flow that was passed on, the last host that did so.
   */
  readonly proven: Identity
  /** Hosts that have passed the flow on, in order, from its first caller on; usually none. Unproven. */
  readonly path: ReadonlyArray<string>
  /** Metadata that the caller gave to `connect`. Unproven. Printing it reveals no values. */
  readonly metadata: Metadata
}

/** Flow, as its holder sends and receives; `E` is the endpoint's declared error, `never` on the endpoint's side. */
export interface Flow<in Sent, out Received, out E = never> {
  /** Name of the endpoint. */
  readonly endpoint: string
  /** Other side: the caller, in a handler; the endpoint's host, at the caller. */
  readonly peer: Peer
  /**
   * Sends a message: waits until there is room for it, never for its arrival. A message that is too large or does not
   * fit the contract is not sent, and the flow goes on.
   */
  readonly send: (message: Sent) => Effect.Effect<void, FlowError | E>
  /**
   * Sends messages together, packed into as few frames as possible. When one is too large or does not fit the contract,
   * none is sent. Interrupted while it waits for room, or failing with the flow, it has sent an unknown first part of
   * them: send in smaller parts to know more. Beyond the room at hand the other side has to read: if it waits for its
   * answers to be read meanwhile, use `exchange`.
   */
  readonly sendAll: (messages: Iterable<Sent>) => Effect.Effect<void, FlowError | E>
  /** Sends the messages of a stream, each of its batches together. It does not end this direction: `end` does. */
  readonly sink: Sink.Sink<void, Sent, never, FlowError | E>
  /** Takes the next message; fails with `Cause.Done` once the other side has ended. An interrupt takes none. */
  readonly receive: Effect.Effect<Received, FlowError | E | Cause.Done>
  /** Takes all received messages, at least one, at most a few thousand small ones; `Cause.Done` as for `receive`. */
  readonly receiveAll: Effect.Effect<NonEmptyReadonlyArray<Received>, FlowError | E | Cause.Done>
  /**
   * Messages until the other side ends, each taken on demand: a reader that leaves early, in any way, has taken the
   * messages it was given and no more. Several readers share them: each message goes to one.
   */
  readonly messages: Stream.Stream<Received, FlowError | E>
  /** As `messages`, with all received messages as one element: for fast readers rather than ones that leave early. */
  readonly batches: Stream.Stream<NonEmptyReadonlyArray<Received>, FlowError | E>
  /**
   * Sends the messages of a stream and then ends this direction, while the received ones are read: for any number,
   * where sending all first would wait for ever. The stream ends once the other side has ended and all was sent. It
   * fails with FlowClosed if the other side takes no more before that, and at once with the failure of the given
   * stream, or with a message that cannot be sent; this direction is then left open. Leaving it stops the sending.
   */
  readonly exchange: <E2 = never, R = never>(
    outgoing: Stream.Stream<Sent, E2, R>
  ) => Stream.Stream<Received, FlowError | E | E2, R>
  /** Half-close: ends this direction, and tells the other side the number of its messages. Idempotent. */
  readonly end: Effect.Effect<void, FlowError | E>
  /**
   * Waits until the endpoint is being withdrawn, or the flow is over; both sides learn of it, a caller unless the
   * endpoint's host runs version 0.1.0. Open flows then have the endpoint's `drain` to finish, and are reset after it.
   * The caller should ask nothing more and `end`; an answering handler goes on until then. The notice reaches the
   * caller in order, behind earlier messages: not while it reads nothing, and not from a handler that has ended.
   */
  readonly draining: Effect.Effect<void>
}
