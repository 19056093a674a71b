/**
 * CallError: the failures of a call that its Rpc does not declare.
 *
 * `RpcClientError` has a closed set of reasons, so a `CallError` rides in it as the cause of an `RpcClientDefect`. `of` finds it
 * there, and `deliveredOf` says how far the call came. "no" is a promise: the handler of the call was not started and will not be.
 */
import { Schema } from "effect"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import * as Foreign from "../protocol/Foreign.ts"
import { FlowError } from "../services/FlowError.ts"
import { NetworkError } from "../services/NetworkError.ts"

/** Largest detail of a refusal, in characters: what a server says of it has to fit into a message. */
export const detailLengthMax = 1000

/** The words of a peer, for people. */
const shown = (text: string): string => Foreign.text(text, detailLengthMax)

/** The group has no Rpc of this tag: that of the server, or the one that the client protocol was made for. */
export class RpcUnknown extends Schema.TaggedError<RpcUnknown>()("RpcUnknown", {
  /** Tag that was called. */
  rpc: Schema.String
}) {
  override get message() {
    return `there is no Rpc "${shown(this.rpc)}"`
  }
}

/** The server has another version of the Rpc: other schemas. */
export class RpcDiffers extends Schema.TaggedError<RpcDiffers>()("RpcDiffers", {
  /** Tag that was called. */
  rpc: Schema.String,
  /** Fingerprint of the client's version, in 16 hex digits. */
  ours: Schema.String,
  /** Fingerprint of the server's version, in 16 hex digits. */
  theirs: Schema.String
}) {
  override get message() {
    return `the Rpc "${shown(this.rpc)}" is ${shown(this.theirs)} there, and ${shown(this.ours)} here`
  }
}

/** The flow of the call has as many calls in flight as its server takes. */
export class CallsExceeded extends Schema.TaggedError<CallsExceeded>()("CallsExceeded", {
  /** Calls that the server takes at a time on one flow. */
  callsMax: Schema.Number
}) {
  override get message() {
    return `a flow takes ${this.callsMax} calls at a time`
  }
}

/** The payload is not what the schema of the Rpc says, or holds more than the server reads. */
export class PayloadMisfit extends Schema.TaggedError<PayloadMisfit>()("PayloadMisfit", {
  /** The misfit in words, for people. */
  detail: Schema.String
}) {
  override get message() {
    return `the payload does not fit: ${shown(this.detail)}`
  }
}

/** The handler ran, and its reply, or one value of its stream, cannot be sent: it is above the limit of a message, or too deep. */
export class ReplyUnsendable extends Schema.TaggedError<ReplyUnsendable>()("ReplyUnsendable", {
  /** Why it cannot be sent, for people. */
  detail: Schema.String
}) {
  override get message() {
    return `the reply cannot be sent: ${shown(this.detail)}`
  }
}

/** Reasons of a server for a call that gets no exit. */
export const Refusal = Schema.Union([RpcUnknown, RpcDiffers, CallsExceeded, PayloadMisfit, ReplyUnsendable])
/** Reasons of a server for a call that gets no exit. */
export type Refusal = typeof Refusal.Type

/** Reasons of a CallError: a closed set. */
export const CallErrorReason = Schema.Union([NetworkError, FlowError, ...Refusal.members])
/** Reasons of a CallError: a closed set. */
export type CallErrorReason = typeof CallErrorReason.Type

/** A call that failed beside what its Rpc declares; the others on its flow go on. */
export class CallError extends Schema.TaggedError<CallError>()("CallError", {
  /** Name that was called. */
  endpoint: Schema.String,
  /** Tag that was called. */
  rpc: Schema.String,
  /** "no" if the handler of the call was not started and will not be, "maybe" if it may have been. */
  delivered: Schema.Literals(["no", "maybe"]),
  /** The reason, of a closed set. */
  reason: CallErrorReason
}) {
  override get message() {
    return `"${this.rpc}" of ${this.endpoint}: ${this.reason.message} (delivered: ${this.delivered})`
  }
}

/** The error with which a client fails for this one. */
export const toClientError = (error: CallError): RpcClientError =>
  new RpcClientError({ reason: new RpcClientDefect({ message: error.message, cause: error }) })

/** The error of a call that its server has refused: only one whose reply cannot be sent has had a handler. */
export const refused = (endpoint: string, rpc: string, reason: Refusal): RpcClientError =>
  toClientError(new CallError({ endpoint, rpc, reason, delivered: reason._tag === "ReplyUnsendable" ? "maybe" : "no" }))

/** The error of a call in that of its client; undefined for one that another protocol has made. */
export const of = ({ reason }: RpcClientError): CallError | undefined =>
  reason._tag === "RpcClientDefect" && reason.cause instanceof CallError ? reason.cause : undefined

/** Whether the handler of the call may have been started; "maybe" for the error of another protocol. */
export const deliveredOf = (error: RpcClientError): "no" | "maybe" => of(error)?.delivered ?? "maybe"
