/**
 * What can go wrong on a flow that exists.
 *
 * `delivered` says whether the other side can have seen anything that this side said on the flow, or still will: a message,
 * or the end of them, on which a handler may act too. "no" is a promise, so the whole exchange may be repeated; "maybe" is
 * the honest rest: it is also what a send that was refused says once an earlier one was not. `reason` is a closed set: handle
 * one with
 * `Effect.catchReason("FlowError", "PeerLost", ..)`.
 */
import { Schema } from "effect"
import * as Foreign from "../protocol/Foreign.ts"

/** What a cause says is partly what a peer has sent. */
const causeLengthMax = 1000

/** The other process died, was cut off, or stopped without saying how its direction ended. */
export class PeerLost extends Schema.TaggedError<PeerLost>()("PeerLost", {
  detail: Schema.String
}) {
  override get message() {
    return `the peer is lost: ${this.detail}`
  }
}

/** The other side gave the flow up: its scope closed, its handler failed, or it was cancelled. */
export class FlowReset extends Schema.TaggedError<FlowReset>()("FlowReset", {
  detail: Schema.String
}) {
  override get message() {
    return `the peer reset the flow: ${this.detail}`
  }
}

/** This direction is over: `end` was said, the other side has finished and takes no more, or the scope is closed. */
export class FlowClosed extends Schema.TaggedError<FlowClosed>()("FlowClosed", {
  detail: Schema.String
}) {
  override get message() {
    return `the flow is closed: ${this.detail}`
  }
}

/** A message is above the limit. On the sending side it was not sent, and the flow goes on. */
export class MessageTooLarge extends Schema.TaggedError<MessageTooLarge>()("MessageTooLarge", {
  bytes: Schema.Number,
  bytesMax: Schema.Number
}) {
  override get message() {
    return `a message of ${this.bytes} bytes, at most ${this.bytesMax} are allowed`
  }
}

/** A message does not fit the contract: what came in, or what was to be sent. In the latter case the flow goes on. */
export class MalformedMessage extends Schema.TaggedError<MalformedMessage>()("MalformedMessage", {
  cause: Schema.Defect()
}) {
  override get message() {
    return `a message does not fit the contract: ${Foreign.text(String(this.cause), causeLengthMax)}`
  }
}

/** The other side broke the rules of the frames. */
export class ProtocolViolation extends Schema.TaggedError<ProtocolViolation>()("ProtocolViolation", {
  detail: Schema.String
}) {
  override get message() {
    return `the peer broke the protocol: ${this.detail}`
  }
}

/** The time that the caller gave the whole flow is over. Both sides are told, and neither goes on. */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>()("DeadlineExceeded", {
  detail: Schema.String
}) {
  override get message() {
    return `the flow has had its time: ${this.detail}`
  }
}

export const FlowErrorReason = Schema.Union([
  PeerLost,
  FlowReset,
  FlowClosed,
  MessageTooLarge,
  MalformedMessage,
  ProtocolViolation,
  DeadlineExceeded
])

export type FlowErrorReason = typeof FlowErrorReason.Type

/** `peer` is the host id of the other side, empty for a caller from outside the fabric. */
export class FlowError extends Schema.TaggedError<FlowError>()("FlowError", {
  endpoint: Schema.String,
  peer: Schema.String,
  delivered: Schema.Literals(["no", "maybe"]),
  reason: FlowErrorReason
}) {
  override get message() {
    return `${this.endpoint} on "${this.peer}": ${this.reason.message} (delivered: ${this.delivered})`
  }
}
