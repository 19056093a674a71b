/**
 * Frames of a flow, as values, and their protobuf form.
 *
 * Shape: one `grinta.v1.Frame` per frame.
 * Errors: `FrameInvalid` for a frame without a known kind; an unknown reason of a newer peer decodes as "Unspecified".
 * Source: `proto/grinta/v1/flow.proto`; design.md, section 4.
 */
import { create } from "@bufbuild/protobuf"
import { Data as EffectData, Record, Result } from "effect"
import * as Foreign from "../Foreign.ts"
import * as Proto from "../gen/grinta/v1/flow_pb.ts"
import type { Runs } from "./Batch.ts"
import * as Envelope from "./Envelope.ts"
import { bytesOf, type Message } from "./Message.ts"

/** Wire version of the frames, the only one so far. */
export const wireVersion = 1

/**
 * Revision of the frames within the wire version. From 1 on a caller confirms the flow with a second word, before which
 * no handler starts, and draining is understood. 0: neither.
 */
export const revision = 1

/** Most hosts that may pass a flow on. Source: faults.md, row O11. */
export const pathLengthMax = 8

/** Trace in which the caller opens the flow. Source: W3C Trace Context, level 1. */
export interface Trace {
  readonly parent: string
  readonly state: string
}

/** First frame of the caller. Empty strings and a contract of 0 skip the matching check. */
export interface Open {
  readonly _tag: "Open"
  readonly endpoint: string
  readonly wireVersion: number
  readonly contract: bigint
  readonly codec: string
  readonly caller: string
  readonly host: string
  /** Deadline of the whole flow, from here on, in milliseconds; none unless given. */
  readonly deadlineMillis?: number
  readonly trace?: Trace
  /** Hosts that have passed the flow on, in order; none unless given. */
  readonly path?: ReadonlyArray<string>
  /** Revision of the frames that the caller speaks; 0 unless given. */
  readonly revision?: number
  /** Metadata of the caller; none unless given. Unchecked when it was received. */
  readonly metadata?: Readonly<Record<string, string>>
}

export interface Accepted {
  readonly _tag: "Accepted"
}

export interface Rejected {
  readonly _tag: "Rejected"
  readonly reason: RejectReason
  readonly detail: string
  /** With "Unauthorized": another owner of the name may let the caller in. */
  readonly ownersDiffer?: boolean
}

/** Messages in order. `partial`: the last one continues in the next Data frame. */
export interface Data {
  readonly _tag: "Data"
  readonly messages: ReadonlyArray<Uint8Array>
  readonly partial: boolean
  /** The endpoint is being withdrawn. */
  readonly draining?: boolean
  /** The frame in its envelope, if packed on this side; `messages` decodes it anew each time. */
  readonly wire?: Uint8Array
  /** The messages as received from a stream; `messages` cuts them anew each time. */
  readonly runs?: Runs
}

/** Whole messages in order that stay within the process. On a wire they would be Data. */
export interface Local {
  readonly _tag: "Local"
  readonly messages: ReadonlyArray<Message>
}

/** Ends the sender's direction after `count` messages. */
export interface End {
  readonly _tag: "End"
  readonly count: number
}

/** Last frame of a side that gives the flow up. */
export interface Fail {
  /** Tells the kinds of frames apart. */
  readonly _tag: "Fail"
  /** Reason, which the peer turns into that of a FlowError. */
  readonly reason: FailReason
  /** Cause, for people: printable, at most 1,000 characters. */
  readonly detail: string
  /**
   * Endpoint's declared error for "Domain", or its last piece for "DomainCut", whose other pieces came in partial Data
   * frames; empty for other reasons.
   */
  readonly error: Uint8Array
}

/** Frame of a flow: what a transport carries, uninterpreted. docs/protocol.md describes the kinds, and their order. */
export type Frame = Open | Accepted | Rejected | Data | Local | End | Fail

const rejectReasons = {
  Unspecified: Proto.RejectReason.UNSPECIFIED,
  EndpointNotFound: Proto.RejectReason.ENDPOINT_NOT_FOUND,
  EndpointBusy: Proto.RejectReason.ENDPOINT_BUSY,
  Incompatible: Proto.RejectReason.INCOMPATIBLE,
  NameInvalid: Proto.RejectReason.NAME_INVALID,
  Unauthorized: Proto.RejectReason.UNAUTHORIZED,
  Closed: Proto.RejectReason.CLOSED,
  WrongHost: Proto.RejectReason.WRONG_HOST,
  Path: Proto.RejectReason.PATH
} as const

const failReasons = {
  Unspecified: Proto.FailReason.UNSPECIFIED,
  Domain: Proto.FailReason.DOMAIN,
  Handler: Proto.FailReason.HANDLER,
  Reset: Proto.FailReason.RESET,
  MalformedMessage: Proto.FailReason.MALFORMED_MESSAGE,
  MessageTooLarge: Proto.FailReason.MESSAGE_TOO_LARGE,
  ProtocolViolation: Proto.FailReason.PROTOCOL_VIOLATION,
  Closed: Proto.FailReason.CLOSED,
  DeadlineExceeded: Proto.FailReason.DEADLINE_EXCEEDED,
  DomainCut: Proto.FailReason.DOMAIN_CUT
} as const

export type RejectReason = keyof typeof rejectReasons
export type FailReason = keyof typeof failReasons

export class FrameInvalid extends EffectData.TaggedError("FrameInvalid")<{ readonly detail: string }> {}

export const accepted: Accepted = { _tag: "Accepted" }

/** Word: a Data frame without messages. */
export const word: Data = { _tag: "Data", messages: [], partial: false }

export const draining: Data = { ...word, draining: true }

/** Length of a detail for people, in UTF-16 units: a peer sends it, or it repeats what a peer has sent. */
const detailLengthMax = 1000

export const rejected = (reason: RejectReason, detail: string, ownersDiffer = false): Rejected => ({
  _tag: "Rejected",
  reason,
  detail: Foreign.text(detail, detailLengthMax),
  ...(ownersDiffer ? { ownersDiffer } : {})
})

const noBytes = new Uint8Array(0)

export const fail = (reason: FailReason, detail: string, error: Uint8Array = noBytes): Fail => ({
  _tag: "Fail",
  reason,
  detail: Foreign.text(detail, detailLengthMax),
  error
})

const openToProto = ({ deadlineMillis = 0, metadata, path = [], revision = 0, trace, ...open }: Open): Proto.Open =>
  create(Proto.OpenSchema, {
    ...open,
    deadlineMillis: BigInt(deadlineMillis),
    traceparent: trace?.parent ?? "",
    tracestate: trace?.state ?? "",
    path: [...path],
    revision,
    ...(metadata === undefined ? {} : { metadata: { ...metadata } })
  })

const isEmpty = (map: Readonly<Record<string, string>>): boolean => {
  for (const _ in map) return false
  return true
}

const openFromProto = (open: Proto.Open): Open => {
  const { caller, codec, contract, endpoint, host, wireVersion } = open
  return {
    _tag: "Open",
    ...{ endpoint, wireVersion, contract, codec, caller, host },
    ...(open.deadlineMillis === 0n ? {} : { deadlineMillis: Number(open.deadlineMillis) }),
    ...(open.traceparent === "" ? {} : { trace: { parent: open.traceparent, state: open.tracestate } }),
    ...(open.path.length === 0 ? {} : { path: open.path }),
    ...(open.revision === 0 ? {} : { revision: open.revision }),
    ...(isEmpty(open.metadata) ? {} : { metadata: open.metadata })
  }
}

const kindOf = (frame: Frame): Proto.Frame["kind"] => {
  switch (frame._tag) {
    case "Open":
      return { case: "open", value: openToProto(frame) }
    case "Accepted":
      return { case: "accepted", value: create(Proto.AcceptedSchema) }
    case "Rejected":
      return {
        case: "rejected",
        value: create(Proto.RejectedSchema, {
          reason: rejectReasons[frame.reason],
          detail: frame.detail,
          ownersDiffer: frame.ownersDiffer ?? false
        })
      }
    case "Data": {
      const value = create(Proto.DataSchema, { partial: frame.partial, draining: frame.draining ?? false })
      value.messages = [...frame.messages]
      return { case: "data", value }
    }
    case "Local":
      return kindOf({ _tag: "Data", messages: frame.messages.map(bytesOf), partial: false })
    case "End":
      return { case: "end", value: create(Proto.EndSchema, { count: BigInt(frame.count) }) }
    case "Fail":
      return {
        case: "fail",
        value: create(Proto.FailSchema, {
          reason: failReasons[frame.reason],
          detail: frame.detail,
          error: frame.error
        })
      }
  }
}

/** `Frame.data`, as a field with its wire type. */
const dataField = { no: 4, wireType: 2 } as const

/** Returns a frame for the generated encoder. A packed one goes in as raw bytes, without an object for each message. */
export const toProto = (frame: Frame): Proto.Frame => {
  const message = create(Proto.FrameSchema)
  if (frame._tag === "Data" && frame.wire !== undefined)
    message.$unknown = [{ ...dataField, data: frame.wire.subarray(Envelope.headerBytes + 1) }]
  else message.kind = kindOf(frame)
  return message
}

const named = <Name extends string>(numbers: Readonly<Record<Name, number>>) => {
  const byNumber = new Map(Record.toEntries(numbers).map(([name, number]) => [number, name]))
  return (number: number): Name | "Unspecified" => byNumber.get(number) ?? "Unspecified"
}

const rejectReasonOf = named(rejectReasons)
const failReasonOf = named(failReasons)

export const fromData = ({ draining, messages, partial }: Proto.Data): Data => ({
  _tag: "Data",
  messages,
  partial,
  ...(draining ? { draining } : {})
})

export const fromProto = (message: Proto.Frame): Result.Result<Frame, FrameInvalid> => {
  const kind = message.kind
  switch (kind.case) {
    case "open":
      return Result.succeed(openFromProto(kind.value))
    case "accepted":
      return Result.succeed(accepted)
    case "rejected":
      return Result.succeed(rejected(rejectReasonOf(kind.value.reason), kind.value.detail, kind.value.ownersDiffer))
    case "data":
      return Result.succeed(fromData(kind.value))
    case "end":
      return Result.succeed({ _tag: "End", count: Number(kind.value.count) })
    case "fail":
      return Result.succeed(fail(failReasonOf(kind.value.reason), kind.value.detail, kind.value.error))
    case undefined:
      return Result.fail(new FrameInvalid({ detail: "a frame of no known kind" }))
  }
}
