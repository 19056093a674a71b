/**
 * Reads a stream stage by stage, as its bytes come.
 *
 * Only encryption declares a length, so the reader parses the bytes so far and never waits for the end of the stream.
 * Limits: `receivedBytesMax` on the wire, {@link inflatedBytesMax} after decompression, {@link nodesMax} node states.
 * Source: memberlist-wire.md, sections 6, 8.3 and 18; faults.md, rows S2 to S8.
 */
import { Option, Result } from "effect"
import * as Bytes from "../Bytes.ts"
import * as Compression from "./Compression.ts"
import * as Label from "./Label.ts"
import * as Lzw from "./Lzw.ts"
import { MessageType, type StreamMessage } from "./Message.ts"
import { ack, ping } from "./MessageTables.ts"
import * as Cursor from "./MsgpackCursor.ts"
import { copy } from "./MsgpackReader.ts"
import * as PushPull from "./PushPullCodec.ts"
import {
  isWhole,
  payloadBytesMax,
  type Role,
  receivedBytesMax,
  rejected,
  replace,
  type State,
  type StreamRejected
} from "./StreamState.ts"
import * as Struct from "./Struct.ts"

/** Bytes that a compressed stream may inflate to. */
export const inflatedBytesMax = 41_943_040

/** Node states in one push/pull. */
export const nodesMax = 65_536

/** Work of one step, a few milliseconds at most: bytes decompressed (read and written), node states. */
const inflateWorkBytesMax = 131_072
const nodesPerStepMax = 512

export const sealedHeaderBytes = 5

/** Result of a step: go on with the next stage, await bytes, pause for other fibers, the message, or its rejection. */
export type Step = "next" | "more" | "pause" | StreamMessage | StreamRejected

const needs = (state: State, bytes: number): Step => {
  if (isWhole(state)) return rejected(state, "truncated")
  if (state.receivedBytes - (state.end - state.start) + bytes > receivedBytesMax) return rejected(state, "oversized")
  state.needed = bytes
  return "more"
}

/** Awaits more bytes for a truncated struct; rejects the stream for a malformed one. */
const stuck = (state: State, cursor: Cursor.Cursor): Step =>
  cursor.status === "truncated" ? needs(state, cursor.needed - state.start) : rejected(state, "malformed")

const stepLabel = (state: State): Step => {
  if (state.start === state.end) return needs(state, 1)
  // A reply has no label, so 244 is an unknown type there.
  const next =
    state.role === "acceptor" ? Label.match(state.buffer, state.start, state.end, state.framing.label) : state.start
  if (next === "mismatch") return rejected(state, "label")
  if (next === "incomplete") return needs(state, state.end - state.start + 1)
  state.start = next
  state.stage = "type"
  return "next"
}

const bodyStage = (type: number, role: Role): State["stage"] | undefined => {
  switch (type) {
    case MessageType.pushPull:
      return "pushPull"
    case MessageType.ping:
      return role === "acceptor" ? "ping" : undefined
    case MessageType.user:
      return role === "acceptor" ? "user" : undefined
    case MessageType.ack:
      return role === "dialler" ? "ack" : undefined
    case MessageType.err:
      return role === "dialler" ? "err" : undefined
    default:
      return undefined
  }
}

const stepType = (state: State): Step => {
  if (state.start === state.end) return isWhole(state) ? rejected(state, "empty") : needs(state, 1)
  const type = state.buffer[state.start] ?? 0
  if (!isWhole(state)) {
    const { cipher } = state.framing
    if (type === MessageType.encrypt) {
      if (cipher === undefined) return rejected(state, "encrypted")
      state.stage = "sealed"
      return "next"
    }
    if (cipher?.verifyIncoming) return rejected(state, "plaintext")
  }
  const stage = type === MessageType.compress && !state.inflated ? "compressed" : bodyStage(type, state.role)
  if (stage === undefined) return rejected(state, "type")
  state.start += 1
  state.stage = stage
  return "next"
}

const stepSealed = (state: State): Step => {
  const { buffer, start } = state
  if (state.end - start < sealedHeaderBytes) return needs(state, sealedHeaderBytes)
  const length = Cursor.takeNumber(Cursor.make(buffer, start + 1, state.end), 4)
  if (length > payloadBytesMax) return rejected(state, "oversized")
  const payload = start + sealedHeaderBytes
  if (state.end - payload < length) return needs(state, sealedHeaderBytes + length)
  const aad = Bytes.concat([buffer.subarray(start, payload), state.framing.label])
  state.opening = state.framing.cipher?.opening(buffer.subarray(payload, payload + length), aad)
  state.stage = "opening"
  return "next"
}

const stepOpening = (state: State): Step => {
  const opened = state.opening?.() ?? Option.none()
  if (opened === "more") return "pause"
  state.opening = undefined
  if (Option.isNone(opened)) return rejected(state, "decrypt")
  state.opened = true
  replace(state, opened.value)
  return "next"
}

const stepCompressed = (state: State): Step => {
  const cursor = Cursor.make(state.buffer, state.start, state.end)
  const compressed = Compression.readBuffer(cursor)
  if (compressed === "truncated" || compressed === "malformed") return stuck(state, cursor)
  if (compressed === "inflate") return rejected(state, "inflate")
  state.inflater = Lzw.inflater(compressed, inflatedBytesMax)
  state.stage = "inflating"
  return "next"
}

const stepInflating = (state: State): Step => {
  if (state.inflater === undefined) return rejected(state, "inflate")
  const plain = Lzw.inflateSome(state.inflater, inflateWorkBytesMax)
  if (Result.isFailure(plain) || plain.success.length === 0) return rejected(state, "inflate")
  if (plain.success === "more") return "pause"
  state.inflater = undefined
  state.inflated = true
  replace(state, plain.success)
  return "next"
}

const stepPushPull = (state: State): Step => {
  const cursor = Cursor.make(state.buffer, state.start, state.end)
  const header = Struct.read(cursor, PushPull.header)
  if (typeof header === "string") return stuck(state, cursor)
  if (header.nodes < 0 || header.nodes > nodesMax) return rejected(state, "nodes")
  if (header.userStateBytes < 0 || header.userStateBytes > payloadBytesMax) return rejected(state, "userState")
  state.header = header
  state.start = cursor.offset
  state.stage = "nodes"
  return "next"
}

/** Reads node states as far as they have come; keeps complete ones, and reads an incomplete one again later. */
const stepNodes = (state: State): Step => {
  const cursor = Cursor.make(state.buffer, state.start, state.end)
  for (let left = nodesPerStepMax; state.nodes.length + state.skipped.length < state.header.nodes; left--) {
    if (left === 0) return "pause"
    cursor.valuesLeft = Cursor.valuesMax
    const node = Struct.read(cursor, PushPull.node)
    if (node === "truncated" || node === "malformed") return stuck(state, cursor)
    state.start = cursor.offset
    if (typeof node === "string") state.skipped.push(node)
    else state.nodes.push(node)
  }
  state.payloadBytes = state.header.userStateBytes
  state.stage = "userState"
  return "next"
}

const stepUser = (state: State): Step => {
  const cursor = Cursor.make(state.buffer, state.start, state.end)
  const bytes = Struct.read(cursor, PushPull.userBytes)
  if (typeof bytes === "string") return stuck(state, cursor)
  if (bytes < 0 || bytes > payloadBytesMax) return rejected(state, "userMessage")
  state.payloadBytes = bytes
  state.start = cursor.offset
  state.stage = "userPayload"
  return "next"
}

const stepPayload = (state: State): Step => {
  if (state.end - state.start < state.payloadBytes) return needs(state, state.payloadBytes)
  const payload = copy(state.buffer, state.start, state.start + state.payloadBytes)
  return state.stage === "userPayload"
    ? { _tag: "User", payload }
    : { _tag: "PushPull", join: state.header.join, nodes: state.nodes, userState: payload }
}

const stepStruct = (state: State): Step => {
  const cursor = Cursor.make(state.buffer, state.start, state.end)
  const message =
    state.stage === "ping"
      ? Struct.read(cursor, ping)
      : state.stage === "ack"
        ? Struct.read(cursor, ack)
        : Struct.read(cursor, PushPull.err)
  if (message === "truncated" || message === "malformed") return stuck(state, cursor)
  return typeof message === "string" ? rejected(state, message) : message
}

/** Runs the current stage on the received bytes. */
export const step = (state: State): Step => {
  switch (state.stage) {
    case "label":
      return stepLabel(state)
    case "type":
      return stepType(state)
    case "sealed":
      return stepSealed(state)
    case "opening":
      return stepOpening(state)
    case "compressed":
      return stepCompressed(state)
    case "inflating":
      return stepInflating(state)
    case "pushPull":
      return stepPushPull(state)
    case "nodes":
      return stepNodes(state)
    case "user":
      return stepUser(state)
    case "userState":
    case "userPayload":
      return stepPayload(state)
    case "ping":
    case "ack":
    case "err":
      return stepStruct(state)
  }
}
