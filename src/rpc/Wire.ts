/**
 * The messages of a flow that carries calls, and the endpoint of such flows.
 *
 * Shape: each message is the text of one JSON array. What an Rpc's schemas say is JSON within it, so it is encoded once.
 *
 * ```text
 *   to the server   [0, id, rpc, fingerprint, payload, flags, headers?, [traceId, spanId, sampled]?]   a request
 *                   [1, id]                                                                            a chunk was taken
 *                   [2, id]                                                                            an interrupt
 *   to the client   [0, id, exit]                                                                      the last word of a call
 *                   [1, id, [value, ..]]                                                               a chunk of a stream
 *                   [2, id, refusal]                                                                   the last word, without an exit
 * ```
 *
 * Flags: 1 for a call that has the flow to itself, 2 for one whose result nobody waits for. Chunks of a shared flow are
 * acknowledged, those of a flow of its own are not: both sides know it from the request.
 * Bounds: those of `JsonBounds`, and of a message.
 */
import { Array as Arrays, Option, Predicate, Result, Schema } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { ExitEncoded } from "effect/rpc/RpcMessage"
import * as JsonBounds from "../protocol/codec/JsonBounds.ts"
import * as Message from "../protocol/flow/Message.ts"
import * as Utf8 from "../protocol/Utf8.ts"
import type { Codec } from "../services/Codec.ts"
import type { Ownership } from "../services/Contract.ts"
import * as Endpoint from "../services/Endpoint.ts"
import { Refusal } from "./CallError.ts"

/** The span of the caller: 32 and 16 hex digits. */
export interface Trace {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

export interface Request {
  readonly _tag: "Request"
  /** Tells the calls of a flow apart while they are in flight. */
  readonly id: number
  readonly rpc: string
  /** Of the caller's version of the Rpc, see `Fingerprints`. */
  readonly fingerprint: string
  readonly payload: unknown
  readonly isAlone: boolean
  readonly isDiscarded: boolean
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly trace: Trace | undefined
}

export type ToServer = Request | { readonly _tag: "Ack" | "Interrupt"; readonly id: number }

export type ToClient =
  | { readonly _tag: "Exit"; readonly id: number; readonly exit: ExitEncoded<unknown, unknown> }
  | { readonly _tag: "Chunk"; readonly id: number; readonly values: NonEmptyReadonlyArray<unknown> }
  | { readonly _tag: "Refused"; readonly id: number; readonly why: Refusal }

type Json = ReadonlyArray<unknown>

/** Longest tag of an Rpc, in characters. */
const nameLengthMax = 1024

const [alone, discarded] = [1, 2] as const

const requestJson = (request: Request): Json => {
  const { fingerprint, headers, id, isAlone, isDiscarded, payload, rpc, trace } = request
  const flags = (isAlone ? alone : 0) | (isDiscarded ? discarded : 0)
  const whole = [0, id, rpc, fingerprint, payload === undefined ? null : payload, flags]
  if (trace !== undefined) return [...whole, headers, [trace.traceId, trace.spanId, trace.sampled]]
  return headers.length === 0 ? whole : [...whole, headers]
}

const toServerJson = (message: ToServer): Json => {
  switch (message._tag) {
    case "Request":
      return requestJson(message)
    case "Ack":
      return [1, message.id]
    case "Interrupt":
      return [2, message.id]
  }
}

const refusalCodec = Schema.toCodecJson(Refusal)
const encodeRefusal = Schema.encodeSync(refusalCodec)
const decodeRefusal = Schema.decodeUnknownOption(refusalCodec)

const toClientJson = (message: ToClient): Json => {
  switch (message._tag) {
    case "Exit":
      return [0, message.id, message.exit]
    case "Chunk":
      return [1, message.id, message.values]
    case "Refused":
      return [2, message.id, encodeRefusal(message.why)]
  }
}

const isId = (id: unknown): id is number => Number.isSafeInteger(id) && Number(id) >= 0

/** A refusal repeats it, and has to fit into a message. */
const isName = (name: unknown): name is string => Predicate.isString(name) && name.length <= nameLengthMax

const isHeader = (header: unknown): header is readonly [string, string] =>
  Array.isArray(header) && header.length === 2 && header.every(Predicate.isString)

const isHeaders = (headers: unknown): headers is Request["headers"] => Array.isArray(headers) && headers.every(isHeader)

/** A trace of another form is none: it would go into logs and exported spans as it is. */
const traceOf = (trace: unknown): Trace | undefined => {
  if (!Array.isArray(trace)) return undefined
  const [traceId, spanId, sampled]: Json = trace
  if (!Predicate.isString(traceId) || !Predicate.isString(spanId)) return undefined
  if (!/^[0-9a-f]{32}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return undefined
  return { traceId, spanId, sampled: sampled === true }
}

const requestOf = ([, id, rpc, fingerprint, payload, flags, headers = [], trace]: Json): Request | undefined => {
  if (!isId(id) || !isName(rpc) || !isName(fingerprint)) return undefined
  if (!isId(flags) || !isHeaders(headers)) return undefined
  const [isAlone, isDiscarded] = [(flags & alone) !== 0, (flags & discarded) !== 0]
  return { _tag: "Request", id, rpc, fingerprint, payload, isAlone, isDiscarded, headers, trace: traceOf(trace) }
}

const toServerOf = (json: Json): ToServer | undefined => {
  const [kind, id] = json
  if (kind === 0) return requestOf(json)
  if ((kind !== 1 && kind !== 2) || !isId(id)) return undefined
  return { _tag: kind === 1 ? "Ack" : "Interrupt", id }
}

/** Looks at the outer form alone: the codec of the Rpc checks the parts. */
const isExit = (exit: unknown): exit is ExitEncoded<unknown, unknown> =>
  Predicate.isTagged(exit, "Success") ||
  (Predicate.isTagged(exit, "Failure") && "cause" in exit && Array.isArray(exit.cause))

const toClientOf = ([kind, id, what]: Json): ToClient | undefined => {
  if (!isId(id)) return undefined
  if (kind === 0) return isExit(what) ? { _tag: "Exit", id, exit: what } : undefined
  if (kind === 1) {
    const values: Json = Array.isArray(what) ? what : []
    return Arrays.isReadonlyArrayNonEmpty(values) ? { _tag: "Chunk", id, values } : undefined
  }
  const why = kind === 2 ? Option.getOrUndefined(decodeRefusal(what)) : undefined
  return why && { _tag: "Refused", id, why }
}

const decoder = new TextDecoder("utf-8", { fatal: true })

/** `Endpoint.make` guards a codec: what this one throws, as `JSON.parse` does, is a failure there. */
const codec = <A>(direction: string, toJson: (message: A) => Json, parse: (json: Json) => A | undefined): Codec<A> => {
  const print = (json: Json): Result.Result<Uint8Array, string> => {
    const bytes = Utf8.encode(JSON.stringify(json))
    const excess = JsonBounds.excess(bytes)
    return excess === undefined ? Result.succeed(bytes) : Result.fail(excess)
  }
  const read = (json: unknown): Result.Result<A, string> => {
    const message = Array.isArray(json) ? parse(json) : undefined
    return message === undefined ? Result.fail("no message of a flow of calls") : Result.succeed(message)
  }
  return {
    _tag: "Codec",
    id: "calls-json",
    shape: `calls 1 ${direction}`,
    encode: (message) => print(toJson(message)),
    decode: (bytes) => {
      const excess = JsonBounds.excess(bytes)
      return excess === undefined ? read(JSON.parse(decoder.decode(bytes))) : Result.fail(excess)
    },
    value: {
      encode: (message) => {
        const json = toJson(message)
        const value = Message.copy(json)
        return value === undefined ? print(json) : Result.succeed(value)
      },
      decode: ({ json }) => read(json)
    }
  }
}

/** The endpoint of flows of calls under a name; its contract is the same for all groups, whose Rpcs are compared one by one. */
export const endpoint = (name: string, ownership: Ownership = "unique"): Endpoint.Endpoint<ToServer, ToClient> =>
  Endpoint.make(name, {
    input: codec("to the server", toServerJson, toServerOf),
    output: codec("to the client", toClientJson, toClientOf),
    ownership
  })
