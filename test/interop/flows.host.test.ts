/** A host of connect-node, as somebody would write it who has read docs/protocol.md and nothing else. */
import * as http2 from "node:http2"
import { create } from "@bufbuild/protobuf"
import { connectNodeAdapter } from "@connectrpc/connect-node"
import { Effect } from "effect"
import {
  FailReason,
  FlowService,
  type Frame,
  FrameSchema,
  RejectReason
} from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import type * as Calls from "./FlowCalls.ts"
import { hostLaws } from "./HostLaws.ts"
import { describeWith } from "./Peers.ts"
import { listen } from "./Processes.ts"

const accepted: Calls.FrameInit = { kind: { case: "accepted", value: {} } }
const rejected = (reason: RejectReason): Calls.FrameInit => ({ kind: { case: "rejected", value: { reason } } })
const fail = (reason: FailReason, error = ""): Calls.FrameInit => ({
  kind: { case: "fail", value: { reason, error: new TextEncoder().encode(error) } }
})
const violation = fail(FailReason.PROTOCOL_VIOLATION)

/** The endpoints of `go/flow/service.go`. */
async function* answer(frames: AsyncIterable<Frame>): AsyncGenerator<Calls.FrameInit> {
  let endpoint: string | undefined
  let count = 0n
  let isInMessage = false
  for await (const { kind } of frames) {
    if (endpoint === undefined) {
      if (kind.case !== "open") return yield violation
      endpoint = kind.value.endpoint
      if (endpoint === "busy") return yield rejected(RejectReason.ENDPOINT_BUSY)
      if (!["echo", "moody", "rude", "counting"].includes(endpoint))
        return yield rejected(RejectReason.ENDPOINT_NOT_FOUND)
      yield accepted
      continue
    }
    switch (kind.case) {
      case "data":
        if (endpoint === "moody") return yield fail(FailReason.DOMAIN, `{"_tag":"Banned","until":"tomorrow"}`)
        if (endpoint === "rude") return
        count += BigInt(kind.value.messages.length - (kind.value.partial ? 1 : 0))
        isInMessage = kind.value.partial
        yield { kind }
        break
      case "end":
        if (isInMessage || kind.value.count !== count) return yield violation
        return yield { kind: { case: "end", value: { count: endpoint === "counting" ? count + 1n : count } } }
      case "fail":
        return
      default:
        return yield violation
    }
  }
}

const serve = Effect.suspend(() => {
  const adapter = connectNodeAdapter({
    routes: (router) =>
      router.service(FlowService, {
        open: async function* (frames) {
          for await (const frame of answer(frames)) yield create(FrameSchema, frame)
        }
      })
  })
  const sessions = new Set<http2.Http2Session>()
  const server = http2.createServer(adapter).on("session", (session) => sessions.add(session))
  return Effect.acquireRelease(listen(server), () =>
    Effect.sync(() => {
      for (const session of sessions) session.destroy()
      server.close()
    })
  )
})

describeWith([], "hosts of connect-node", () => hostLaws("connect-node", serve))
