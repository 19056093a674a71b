/**
 * Errors of an open flow.
 *
 * `delivered` tells whether the other side can have seen any message of this side, or the end of them, on which a
 * handler may act too, or still will. "no" is a promise, so the whole exchange may be repeated; "maybe" is the honest
 * rest, also for a refused send after one that was not. `reason` is a closed set: handle one with
 * `Effect.catchReason("FlowError", "PeerLost", ..)`.
 */
import { Schema } from "effect"
import * as Foreign from "../protocol/Foreign.ts"

/** Length of a cause in a message, in UTF-16 units: a part of it comes from a peer. */
const causeLengthMax = 1000

/** The other process died, was cut off, or stopped before its direction ended. */
export class PeerLost extends Schema.TaggedError<PeerLost>()("PeerLost", {
  /** How the peer was lost, for people. */
  detail: Schema.String
}) {
  override get message() {
    return `the peer is lost: ${this.detail}`
  }
}

/** The other side gave the flow up: its scope closed, its handler failed, or it was cancelled. */
export class FlowReset extends Schema.TaggedError<FlowReset>()("FlowReset", {
  /** Why the peer gave up, in its own words, for people: printable, at most 1,000 characters. */
  detail: Schema.String
}) {
  override get message() {
    return `the peer reset the flow: ${this.detail}`
  }
}

/** This direction is over: it has ended, the other side has finished and takes no more, or the scope is closed. */
export class FlowClosed extends Schema.TaggedError<FlowClosed>()("FlowClosed", {
  /** How this direction ended, for people. */
  detail: Schema.String
}) {
  override get message() {
    return `the flow is closed: ${this.detail}`
  }
}

/** A message is above the limit. The sender did not send it, and its flow goes on. */
export class MessageTooLarge extends Schema.TaggedError<MessageTooLarge>()("MessageTooLarge", {
  /** Size of the message; of a received one, the part that had come when it was refused. */
  bytes: Schema.Number,
  /** Largest message of this side: `flows.limits.messageBytesMax`, 4 MiB by default. */
  bytesMax: Schema.Number
}) {
  override get message() {
    return `a message of ${this.bytes} bytes, at most ${this.bytesMax} are allowed`
  }
}

/** A received message, or one to send, does not fit the contract. In the latter case the flow goes on. */
export class MalformedMessage extends Schema.TaggedError<MalformedMessage>()("MalformedMessage", {
  /** Failure of the codec; the peer's words if the peer refused the message. */
  cause: Schema.Defect()
}) {
  override get message() {
    return `a message does not fit the contract: ${Foreign.text(String(this.cause), causeLengthMax)}`
  }
}

/** The other side violated the frame protocol. */
export class ProtocolViolation extends Schema.TaggedError<ProtocolViolation>()("ProtocolViolation", {
  /** Rule that was broken, for people. */
  detail: Schema.String
}) {
  override get message() {
    return `the peer broke the protocol: ${this.detail}`
  }
}

/** The deadline of the flow has passed. Both sides are told, and neither goes on. */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>()("DeadlineExceeded", {
  /** Time that the flow was given, for people. */
  detail: Schema.String
}) {
  override get message() {
    return `the flow has had its time: ${this.detail}`
  }
}

/** Schema of the reasons of a FlowError: a union of their classes. */
export const FlowErrorReason = Schema.Union([
  PeerLost,
  FlowReset,
  FlowClosed,
  MessageTooLarge,
  MalformedMessage,
  ProtocolViolation,
  DeadlineExceeded
])

/** Reason of a FlowError. The set is closed; docs/errors.md says when each occurs. */
export type FlowErrorReason = typeof FlowErrorReason.Type

/** Error of an open flow, of every operation on it. */
export class FlowError extends Schema.TaggedError<FlowError>()("FlowError", {
  /** Name of the endpoint. */
  endpoint: Schema.String,
  /** Host id of the other side, "" for a client outside the fabric. */
  peer: Schema.String,
  /**
   * "no": the other side has seen nothing of this side on the flow, and will not, so the exchange may be repeated.
   * "maybe": it may have.
   */
  delivered: Schema.Literals(["no", "maybe"]),
  /** How the flow failed. */
  reason: FlowErrorReason
}) {
  override get message() {
    return `${this.endpoint} on "${this.peer}": ${this.reason.message} (delivered: ${this.delivered})`
  }
}
