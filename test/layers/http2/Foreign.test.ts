/**
 * What calls of foreign clients may cost: frames that wait take what they take on the wire, and a call that is no flow gets a
 * little of everything.
 */
import * as http2 from "node:http2"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as TransportConnect from "../../../src/layers/TransportConnect.ts"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import type * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import * as Limits from "../../../src/protocol/flow/Limits.ts"
import { Transport } from "../../../src/services/Transport.ts"
import { open } from "./RawClient.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const heapBytes = () => {
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const until = (holds: () => boolean) =>
  Effect.timeout(Effect.repeat(Effect.sleep("10 millis"), { until: holds }), "60 seconds")

const session = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => http2.connect(`http://127.0.0.1:${port}`).on("error", () => undefined)),
    (made) => Effect.sync(() => made.destroy())
  )

const headersOf = (path: string) => ({
  ":method": "POST",
  ":path": path,
  "content-type": "application/grpc",
  te: "trailers"
})

const zipped = (frame: Uint8Array) => {
  const bytes = Buffer.from(Envelope.wrap(gzipSync(frame.subarray(Envelope.headerBytes))))
  bytes[0] = 1
  return bytes
}

describe("flows over gRPC", () => {
  it.live("whose messages nobody takes cost about their bytes, however many messages those are", () =>
    Effect.gen(function* () {
      const transport = Context.get(yield* Layer.build(TransportConnect.layer({ port: 0 })), Transport)
      const held: Array<Frame.Frame> = []
      yield* transport.serve((link) =>
        Effect.andThen(
          Effect.sync(() => {
            link.attach({
              onFrame: (frame) => {
                held.push(frame)
                return frame._tag === "Open"
              },
              onEnd: () => undefined,
              onBroken: () => undefined,
              onRoom: () => undefined
            })
            link.goOn()
          }),
          Effect.never
        )
      )
      const frame = FrameBytes.encode({
        _tag: "Data",
        messages: Array.from({ length: Limits.frameMessagesMax }, () => new Uint8Array()),
        partial: false
      })
      const client = yield* session(transport.flowPort)
      const call = (): void => {
        const stream = client.request({ ...headersOf("/grinta.v1.FlowService/Open"), "grpc-encoding": "gzip" })
        stream.on("error", () => undefined).write(Buffer.concat([open, zipped(frame), zipped(frame), zipped(frame)]))
      }
      call()
      yield* until(() => held.length === 2)
      const before = heapBytes()
      const calls = 40
      for (let i = 0; i < calls; i++) call()
      yield* until(() => held.length === 2 * (calls + 1))
      const bytes = (heapBytes() - before) / calls
      assert.isBelow(bytes, 8 * frame.byteLength)
      assert.strictEqual(held[1]?._tag === "Data" ? held[1].messages.length : 0, Limits.frameMessagesMax)
    })
  )
})
