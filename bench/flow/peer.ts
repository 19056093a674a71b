/**
 * The process at the other end: grinta's endpoints, and beside them a bare connect-node server of the same service and a
 * plain HTTP/2 server, which is what both have under them.
 * It ends when its parent does.
 */
import * as http2 from "node:http2"
import { create } from "@bufbuild/protobuf"
import { connectNodeAdapter } from "@connectrpc/connect-node"
import { Effect, Stream } from "effect"
import { Fabric, Gossip, Grinta } from "../../src/index.ts"
import { FlowService, type Frame, FrameSchema } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import { Echo, Hold, Sink } from "./endpoints.ts"

/** Echoes frames, or counts their messages if the first one asks for it. */
async function* bare(frames: AsyncIterable<Frame>) {
  let count = 0
  let isCounting = false
  for await (const frame of frames) {
    if (frame.kind.case === "open") isCounting = true
    else if (isCounting) count += frame.kind.case === "data" ? frame.kind.value.messages.length : 0
    else yield frame
  }
  if (isCounting) yield create(FrameSchema, { kind: { case: "end", value: { count: BigInt(count) } } })
}

const bareServer = () =>
  http2.createServer(
    connectNodeAdapter({ acceptCompression: [], routes: (router) => router.service(FlowService, { open: bare }) })
  )

/** Echoes bytes, or counts them if the path says so. */
const rawServer = () => {
  const server = http2.createServer()
  server.on("stream", (stream, headers) => {
    stream.respond({ ":status": 200 })
    if (headers[":path"] !== "/count") return stream.on("data", (chunk) => stream.write(chunk))
    let bytes = 0
    stream.on("data", (chunk: Uint8Array) => {
      bytes += chunk.byteLength
    })
    return stream.on("end", () => stream.end(String(bytes)))
  })
  return server
}

const listen = (server: http2.Http2Server) =>
  Effect.callback<string>((resume) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = address !== null && typeof address === "object" ? address.port : 0
      resume(Effect.succeed(`http://127.0.0.1:${port}`))
    })
  })

const name = `peer-${process.pid}`

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  yield* fabric.expose(Echo, (flow) => Stream.runForEachArray(flow.messages, (batch) => flow.sendAll(batch)))
  yield* fabric.expose(Sink, (flow) =>
    Effect.gen(function* () {
      let count = 0
      yield* Stream.runForEachArray(flow.messages, (batch) =>
        Effect.sync(() => {
          count += batch.length
        })
      )
      yield* flow.send(count)
    })
  )
  yield* fabric.expose(Hold, () => Effect.never)
  const { address, port } = yield* (yield* Gossip).self
  process.send?.({
    name,
    gossip: `${address}:${port}`,
    bare: yield* listen(bareServer()),
    raw: yield* listen(rawServer())
  })
  return yield* Effect.never
})

process.once("disconnect", () => process.exit())
Effect.runFork(
  Effect.scoped(
    Effect.provide(program, Grinta.layer({ name, listen: { gossipPort: 0, flowPort: 0 }, profile: "local" }))
  )
)
