/**
 * The process at the other end: grinta's endpoints, and a bare connect-node server of the same service beside them.
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

const listenBare = Effect.callback<number>((resume) => {
  const server = http2.createServer(
    connectNodeAdapter({ acceptCompression: [], routes: (router) => router.service(FlowService, { open: bare }) })
  )
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
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
  const barePort = yield* listenBare
  process.send?.({ name, gossip: `${address}:${port}`, bare: `http://127.0.0.1:${barePort}` })
  return yield* Effect.never
})

process.once("disconnect", () => process.exit())
Effect.runFork(
  Effect.scoped(
    Effect.provide(program, Grinta.layer({ name, listen: { gossipPort: 0, flowPort: 0 }, profile: "local" }))
  )
)
