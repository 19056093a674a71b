/** How an attacker speaks on the port for flows: HTTP/2 frame by frame, and frames of flows within. */
import type * as net from "node:net"
import * as FrameBytes from "../../src/protocol/flow/FrameBytes.ts"
import { data, frame, headers, reset, type } from "../../test/layers/transport/http2/RawPeer.ts"
import { type Means, waitingBytesMax } from "./Means.ts"

export { code, data, frame, goaway, headers, reset, type } from "../../test/layers/transport/http2/RawPeer.ts"

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

export const setting = (id: number, value: number): Buffer => Buffer.concat([Buffer.from([0, id]), uint32(value)])

/** What a client says before its first frame. */
export const magic = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

/** `windowBytes`: what the host may send on a stream before it is asked for more. */
export const preface = (windowBytes = 65_535): Buffer =>
  Buffer.concat([
    magic,
    frame(type.settings, 0, 0, setting(4, windowBytes)),
    frame(type.windowUpdate, 0, 0, uint32(windowBytes === 0 ? 1 : 0x4000_0000))
  ])

export const request = (more: Readonly<Record<string, string>> = {}) => ({
  ...{ ":method": "POST", ":scheme": "http", ":path": "/grinta.v1.FlowService/Open", ":authority": "a" },
  ...{ "content-type": "application/connect+proto", "connect-protocol-version": "1" },
  ...more
})

export const open = (endpoint: string, caller = ""): Uint8Array =>
  FrameBytes.encode({
    ...{ _tag: "Open", endpoint, wireVersion: 1, contract: 0n, codec: "", caller, host: "" }
  })

export const messages = (...all: ReadonlyArray<Uint8Array>): Uint8Array =>
  FrameBytes.encode({ _tag: "Data", messages: all, partial: false })

export const piece = (bytes: Uint8Array): Uint8Array =>
  FrameBytes.encode({ _tag: "Data", messages: [bytes], partial: true })

/** A connection that has said its preface, and answers what has to be answered for it to be kept. */
export interface Session {
  readonly socket: net.Socket
  /** False when the connection is closed, or has taken too little of what was said before: then this is left out. */
  readonly write: (...frames: ReadonlyArray<Uint8Array>) => boolean
  /** The number of a stream that was not used yet. */
  readonly next: () => number
  /** Streams that the host lets be opened now. What opens more ends the connection before it is large. */
  readonly room: () => number
  readonly isOpen: () => boolean
}

export interface Behaviour {
  readonly from?: string
  /** Name in the certificate that is shown, see `Means.flow`. */
  readonly as?: string
  readonly windowBytes?: number
  /** Answers no PING. */
  readonly isDeaf?: boolean
  readonly onData?: (stream: number, bytes: Buffer, session: Session) => void
}

const headerBytes = 9

const settingBytes = 6
const maxConcurrentStreams = 3

/** The limit of streams in a SETTINGS frame. */
const streamsMaxIn = (payload: Buffer): number | undefined => {
  for (let at = 0; at + settingBytes <= payload.length; at += settingBytes)
    if (payload.readUInt16BE(at) === maxConcurrentStreams) return payload.readUInt32BE(at + 2)
  return undefined
}

/** Cuts what comes into frames, after so many bytes that are none. */
export const cut = (
  hear: (kind: number, flags: number, id: number, payload: Buffer) => void,
  skippedBytes = 0
): ((chunk: Buffer) => void) => {
  let held: Buffer = Buffer.alloc(0)
  let at = skippedBytes
  return (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    while (held.length >= at + headerBytes) {
      const end = at + headerBytes + held.readUIntBE(at, 3)
      if (held.length < end) break
      const id = held.readUInt32BE(at + 5)
      hear(held.readUInt8(at + 3), held.readUInt8(at + 4), id, held.subarray(at + headerBytes, end))
      at = end
    }
    const left = Math.min(at, held.length)
    held = held.subarray(left)
    at -= left
  }
}

export const session = (means: Means, behaviour: Behaviour = {}): Session => {
  const socket = means.flow(behaviour.from, behaviour.as)
  let stream = -1
  let streamsMax = 0
  let ended = 0
  let isOpen = true
  const made: Session = {
    socket,
    isOpen: () => isOpen,
    next: () => {
      stream += 2
      return stream
    },
    room: () => streamsMax - ((stream + 1) / 2 - ended),
    write: (...frames) => {
      if (!isOpen || socket.writableLength > waitingBytesMax) return false
      socket.write(Buffer.concat(frames))
      return true
    }
  }
  const close = () => {
    isOpen = false
  }
  socket.on("close", close).on("end", close).on("error", close)
  const hear = (kind: number, flags: number, id: number, payload: Buffer): void => {
    if (kind === type.ping && flags === 0 && behaviour.isDeaf !== true) made.write(frame(type.ping, 1, 0, payload))
    if (kind === type.settings && flags === 0) {
      streamsMax = streamsMaxIn(payload) ?? streamsMax
      made.write(frame(type.settings, 1, 0))
    }
    const isEnd = (kind === type.data || kind === type.headers) && (flags & 1) === 1
    if (kind === type.reset) means.over("reset")
    if (isEnd) means.over("ended")
    if (kind === type.reset || isEnd) ended += 1
    if (kind === type.data) behaviour.onData?.(id, payload, made)
  }
  socket.on("data", cut(hear))
  socket.write(preface(behaviour.windowBytes))
  return made
}

/** Opens a flow on a session, and returns its stream. */
export const openFlow = (on: Session, endpoint: string): number => {
  const stream = on.next()
  on.write(headers(stream, request()), data(stream, open(endpoint)))
  return stream
}

export const resetStream = (stream: number): Buffer => reset(stream, 8)
