/**
 * A typed, bidirectional channel between a caller and an endpoint.
 *
 * Both directions are independent: `end` ends one, the other goes on. There is no `close`: the scope in which the flow
 * was opened is its lifetime, and that of its handler at the endpoint. Once it is over, whatever waits here or is asked for
 * later fails with `FlowClosed`. Leaving it resets the flow on both sides, unless both directions have ended, or this one has
 * ended and the scope closes without a failure: then what was sent still arrives, as long as the other side reads it and
 * finishes within 5 seconds. Whoever must know that it did says `end` and reads `messages` to their end: a caller that has
 * ended sees it once the handler is done, or the error with which that failed.
 *
 * Messages arrive in order, each at most once. The stream of messages ends cleanly only if everything that the other
 * side sent before its `end` has come; anything else is a typed error.
 */
import type { Cause, Effect, Sink, Stream } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { Metadata } from "../protocol/flow/Metadata.ts"
import type { Identity } from "../protocol/Proof.ts"
import type { FlowError } from "./FlowError.ts"

/** The other side. */
export interface Peer {
  /** Its host id: the one that it has proven, or where nothing is proven the one that it says. Empty for a client from outside. */
  readonly id: string
  /**
   * What it has proven: over TLS to be a host, or a client with a certificate; over any other network nothing; within one process
   * to be that host. Of a flow that was passed on it is who has done so last.
   */
  readonly proven: Identity
  /** The hosts that have passed the flow on, in order, on the way from its first caller. Usually none. Nobody has proven it. */
  readonly path: ReadonlyArray<string>
  /** What a caller says of itself, as it was given to `connect`. Nobody has proven it. Nothing that prints it tells its values. */
  readonly metadata: Metadata
}

/** `Sent` and `Received` are seen from the holder; `E` is the endpoint's declared error, `never` on the endpoint's side. */
export interface Flow<in Sent, out Received, out E = never> {
  readonly endpoint: string
  readonly peer: Peer
  /**
   * Sends a message: waits until there is room for it, never for its arrival.
   * A message that is too large or does not fit the contract is not sent, and the flow goes on.
   */
  readonly send: (message: Sent) => Effect.Effect<void, FlowError | E>
  /**
   * Sends messages in one go, packed into as few frames as they fit in. When one is too large or does not fit the contract,
   * none is sent. Interrupted while it waits for room, or failing with the flow, it has sent a first part of them, and does not know
   * how many: send in smaller parts to know that. For more than there is room for the other side has to read: if it waits
   * for its answers to be read meanwhile, use `exchange`.
   */
  readonly sendAll: (messages: Iterable<Sent>) => Effect.Effect<void, FlowError | E>
  /** Sends what a stream gives, each of its batches in one go. It does not end this direction: `end` does. */
  readonly sink: Sink.Sink<void, Sent, never, FlowError | E>
  /** The next message; fails with `Cause.Done` once the other side has ended. An interrupt takes none. */
  readonly receive: Effect.Effect<Received, FlowError | E | Cause.Done>
  /** All messages that have come, at least one, and no more than a few thousand small ones; fails with `Cause.Done` once the other side has ended. */
  readonly receiveAll: Effect.Effect<NonEmptyReadonlyArray<Received>, FlowError | E | Cause.Done>
  /**
   * The messages until the other side ends, each taken when it is asked for: a reader that leaves early, however it does, has
   * taken what it was given and no more. Several readers share them: each message goes to one.
   */
  readonly messages: Stream.Stream<Received, FlowError | E>
  /** The same, with all that have come as one element: for readers that are to be fast rather than to leave early. */
  readonly batches: Stream.Stream<NonEmptyReadonlyArray<Received>, FlowError | E>
  /**
   * Sends what a stream gives and then ends this direction, while the messages are read: as many as one likes, where sending
   * all before reading anything would wait for ever. The stream ends once the other side has ended and all was sent. It fails
   * with FlowClosed if the other side takes no more before that, and at once with what the given stream fails with, or with
   * a message that cannot be sent; this direction is then left open. Leaving it stops the sending.
   */
  readonly exchange: <E2 = never, R = never>(
    outgoing: Stream.Stream<Sent, E2, R>
  ) => Stream.Stream<Received, FlowError | E | E2, R>
  /** Half-close: no more messages from this side. The other side is told how many there were. Saying it twice is fine. */
  readonly end: Effect.Effect<void, FlowError | E>
  /**
   * Waits until the endpoint is being withdrawn, or the flow is over; both sides hear of it, a caller unless the endpoint's
   * host runs version 0.1.0. What is open then has the endpoint's `drain` to come to its end, and is reset after it. It is for
   * the caller to ask nothing more and say `end`; a handler that answers goes on until then. The caller hears it in its turn,
   * behind what was sent before: not while it reads nothing, and not from a handler that has said `end`.
   */
  readonly draining: Effect.Effect<void>
}
