/**
 * What can go wrong with a call beside what its Rpc declares.
 *
 * `RpcClientError` has a closed set of reasons, so a `CallError` rides in it as the cause of an `RpcClientDefect`. `of` finds it
 * there, and `deliveredOf` says how far the call came. "no" is a promise: the handler of the call was not started and will not be.
 */
import { Schema } from "effect"
import { RpcClientDefect, RpcClientError } from "effect/rpc/RpcClientError"
import { FlowError } from "../services/FlowError.ts"
import { NetworkError } from "../services/NetworkError.ts"

/** The group has no Rpc of this tag: that of the server, or the one that the client protocol was made for. */
export class RpcUnknown extends Schema.TaggedError<RpcUnknown>()("RpcUnknown", {
  rpc: Schema.String
}) {
  override get message() {
    return `there is no Rpc "${this.rpc}"`
  }
}

/** The server has another version of the Rpc: other schemas. Both fingerprints in 16 hex digits. */
export class RpcDiffers extends Schema.TaggedError<RpcDiffers>()("RpcDiffers", {
  rpc: Schema.String,
  ours: Schema.String,
  theirs: Schema.String
}) {
  override get message() {
    return `the Rpc "${this.rpc}" is ${this.theirs} there, and ${this.ours} here`
  }
}

/** The flow of the call has as many calls in flight as its server takes. */
export class CallsExceeded extends Schema.TaggedError<CallsExceeded>()("CallsExceeded", {
  callsMax: Schema.Number
}) {
  override get message() {
    return `a flow takes ${this.callsMax} calls at a time`
  }
}

/** The payload is not what the schema of the Rpc says, or holds more than the server reads. */
export class PayloadMisfit extends Schema.TaggedError<PayloadMisfit>()("PayloadMisfit", {
  detail: Schema.String
}) {
  override get message() {
    return `the payload does not fit: ${this.detail}`
  }
}

/** The handler ran, and its reply, or one value of its stream, cannot be sent: it is above the limit of a message, or too deep. */
export class ReplyUnsendable extends Schema.TaggedError<ReplyUnsendable>()("ReplyUnsendable", {
  detail: Schema.String
}) {
  override get message() {
    return `the reply cannot be sent: ${this.detail}`
  }
}

/** What a server says of a call that gets no exit. */
export const Refusal = Schema.Union([RpcUnknown, RpcDiffers, CallsExceeded, PayloadMisfit, ReplyUnsendable])
export type Refusal = typeof Refusal.Type

export const CallErrorReason = Schema.Union([NetworkError, FlowError, ...Refusal.members])
export type CallErrorReason = typeof CallErrorReason.Type

/** `endpoint`: the name that was called. `rpc`: the tag. `delivered`: "maybe" if the handler may have been started. */
export class CallError extends Schema.TaggedError<CallError>()("CallError", {
  endpoint: Schema.String,
  rpc: Schema.String,
  delivered: Schema.Literals(["no", "maybe"]),
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
