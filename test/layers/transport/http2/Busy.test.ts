/**
 * Clients that nobody here wrote and that send and read much at once: bare `node:http2`, which itself reads nothing while it
 * writes, with windows as large as they get.
 */
import * as http2 from "node:http2"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as FrameBytes from "../../../../src/protocol/flow/FrameBytes.ts"
import { open, paths, request } from "./RawClient.ts"
import { server } from "./Server.ts"

const windowBytes = 2 ** 31 - 1
const streams = 200
const count = 40
const data = FrameBytes.encode({ _tag: "Data", messages: [new Uint8Array(20_000)], partial: false })
const end = FrameBytes.encode({ _tag: "End", count })

const { "connect-protocol-version": _, ...unversioned } = request
const headersOf: { readonly [how: string]: http2.OutgoingHttpHeaders } = {
  "a direct call": request,
  "a call that connect-node parses": unversioned,
  "a call over gRPC": { ...unversioned, "content-type": "application/grpc", te: "trailers" }
}

const connect = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<http2.ClientHttp2Session>((resume) => {
      const session = http2.connect(`http://127.0.0.1:${port}`, {
        settings: { initialWindowSize: windowBytes },
        maxSessionMemory: 1000
      })
      session.once("connect", () => {
        session.setLocalWindowSize(windowBytes)
        resume(Effect.succeed(session))
      })
    }),
    (session) => Effect.sync(() => session.destroy())
  )

/** Sends all of a flow at once; the bytes that come until it has ended. */
const exchange = (session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders) =>
  Effect.callback<number, unknown>((resume) => {
    let bytes = 0
    const stream = session.request(headers)
    stream.on("data", (chunk: Uint8Array) => {
      bytes += chunk.byteLength
    })
    stream.once("error", (cause) => resume(Effect.fail(cause)))
    stream.once("end", () => resume(Effect.succeed(bytes)))
    stream.write(open)
    for (let i = 0; i < count; i++) stream.write(data)
    stream.write(end)
    stream.end()
  })

describe("clients that send and read much at once", () => {
  for (const [how, headers] of Object.entries(headersOf))
    it.live(
      `get all of it: ${how}`,
      () =>
        Effect.gen(function* () {
          assert.include(
            paths.map(([name]) => name),
            how
          )
          const { port } = yield* server()
          const session = yield* connect(port)
          const exchanges = Array.from({ length: streams }, () => exchange(session, headers))
          const came = yield* Effect.all(exchanges, { concurrency: "unbounded" }).pipe(Effect.timeout("50 seconds"))
          for (const bytes of came) assert.isAtLeast(bytes, count * 20_000)
        }),
      60_000
    )
})
