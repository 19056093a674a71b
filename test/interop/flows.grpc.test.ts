/** A plain client of grpc-js, which shares nothing with connect-node, opens flows to an endpoint of ours. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { Client, credentials, Metadata, status } from "@grpc/grpc-js"
import { Effect } from "effect"
import { type Frame, FrameSchema } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Calls from "./FlowCalls.ts"
import { flowLaws } from "./FlowLaws.ts"
import { describeWith } from "./Peers.ts"
import { loopback } from "./Processes.ts"

const call = Effect.fnUntraced(function* (
  port: number,
  { timeoutMillis }: { readonly timeoutMillis: number | undefined }
) {
  const client = yield* Effect.acquireRelease(
    Effect.sync(() => new Client(`${loopback}:${port}`, credentials.createInsecure())),
    (made) => Effect.sync(() => made.close())
  )
  const inbox = yield* Calls.makeInbox
  const options = timeoutMillis === undefined ? {} : { deadline: Date.now() + timeoutMillis }
  const stream = client.makeBidiStreamRequest<Frame, Frame>(
    "/grinta.v1.FlowService/Open",
    (frame) => Buffer.from(toBinary(FrameSchema, frame)),
    (bytes) => fromBinary(FrameSchema, bytes),
    new Metadata(),
    options
  )
  stream.on("data", inbox.frame)
  stream.on("error", () => undefined)
  stream.on("status", ({ code }) => inbox.over(status[code].toLowerCase()))
  const made: Calls.Call = {
    send: (frame) => Effect.sync(() => stream.write(create(FrameSchema, frame))),
    finish: Effect.sync(() => stream.end()),
    cancel: Effect.sync(() => stream.cancel()),
    next: inbox.next
  }
  return made
})

describeWith([], "clients of grpc-js", () => {
  flowLaws({ name: "gRPC", isDirect: false, call })
  flowLaws({ name: "gRPC with a deadline", isDirect: false, call, timeoutMillis: 60_000 })
})
