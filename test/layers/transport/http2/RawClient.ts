/**
 * A client that speaks HTTP/2 frame by frame, so that it can break any rule.
 */
import * as net from "node:net"
import { Effect } from "effect"
import * as FrameBytes from "../../../../src/protocol/flow/FrameBytes.ts"
import * as Caller from "./Caller.ts"
import { frame, headers, type } from "./RawPeer.ts"

const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(type.settings, 0, 0),
  frame(type.windowUpdate, 0, 0, Buffer.from([0, 0x80, 0, 0]))
])

export const request = {
  ":method": "POST",
  ":scheme": "http",
  ":path": "/grinta.v1.FlowService/Open",
  ":authority": "a",
  "content-type": "application/connect+proto",
  "connect-protocol-version": "1"
}

export interface Heard {
  readonly kind: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const say = (port: number, ...said: ReadonlyArray<Buffer>) => sayFrom("127.0.0.1", port, ...said)

/** A client at an address of this machine that says these bytes. What it hears is parsed when asked for. */
export const sayFrom = (localAddress: string, port: number, ...said: ReadonlyArray<Buffer>) =>
  Effect.gen(function* () {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => net.connect({ port, host: "127.0.0.1", localAddress })),
      (open) => Effect.sync(() => open.destroy())
    )
    const chunks: Array<Buffer> = []
    socket.on("error", () => undefined).on("data", (chunk) => chunks.push(chunk))
    socket.write(Buffer.concat([preface, ...said]))
    const heard = (): ReadonlyArray<Heard> => {
      const all = Buffer.concat(chunks)
      const frames: Array<Heard> = []
      for (let at = 0; at + 9 <= all.byteLength; ) {
        const end = at + 9 + all.readUIntBE(at, 3)
        frames.push({
          kind: all.readUInt8(at + 3),
          flags: all.readUInt8(at + 4),
          stream: all.readUInt32BE(at + 5),
          payload: all.subarray(at + 9, end)
        })
        at = end
      }
      return frames
    }
    const until = (holds: () => boolean) => Caller.soon(Effect.repeat(Effect.sleep("10 millis"), { until: holds }))
    /** What came on a stream: frames of a flow, and the end in JSON. */
    const answer = (stream: number): string =>
      Buffer.concat(
        heard()
          .filter((one) => one.kind === type.data && one.stream === stream)
          .map(({ payload }) => payload)
      ).toString("latin1")
    /** Whether the answer on a stream has ended in good order. */
    const isEnded = (stream: number): boolean =>
      heard().some(
        (one) => one.stream === stream && (one.kind === type.data || one.kind === type.headers) && (one.flags & 1) === 1
      )
    return { socket, heard, answer, isEnded, until, closed: until(() => socket.closed) }
  })

export const openAs = (caller: string, endpoint = "echo") =>
  FrameBytes.encode({
    _tag: "Open",
    ...{ endpoint, wireVersion: 1, contract: 0n, codec: "", caller, host: "" }
  })
export const open = openAs("")
export const asked = headers(1, request)
const { "connect-protocol-version": _, ...unversioned } = request

/** The ways in which a call is served, with the request of each on a stream. */
export const paths = [
  ["a direct call", (stream: number) => headers(stream, request)],
  ["a call that connect-node parses", (stream: number) => headers(stream, unversioned)],
  ["a call over gRPC", (stream: number) => headers(stream, { ...unversioned, "content-type": "application/grpc" })],
  [
    "a call over gRPC-Web",
    (stream: number) => headers(stream, { ...unversioned, "content-type": "application/grpc-web+proto" })
  ]
] as const
