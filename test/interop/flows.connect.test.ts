/** Plain clients of connect-node open flows to an endpoint of ours, over each of its protocols. */
import { create } from "@bufbuild/protobuf"
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect"
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager
} from "@connectrpc/connect-node"
import { type Cause, Effect, Queue, Stream } from "effect"
import { FlowService, FrameSchema } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Calls from "./FlowCalls.ts"
import { type Client, flowLaws } from "./FlowLaws.ts"
import { describeWith } from "./Peers.ts"
import { loopback } from "./Processes.ts"

interface Options {
  readonly baseUrl: string
  readonly httpVersion: "2"
  readonly sessionManager: Http2SessionManager
}

const transports = {
  Connect: createConnectTransport,
  gRPC: createGrpcTransport,
  "gRPC-Web": createGrpcWebTransport
} satisfies Record<string, (options: Options) => Transport>

/** "DeadlineExceeded" as the protocol spells it. */
const codeOf = (cause: unknown): string =>
  Code[ConnectError.from(cause).code].replaceAll(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase()

const call = (makeTransport: (options: Options) => Transport, headers: Record<string, string> = {}): Client["call"] =>
  Effect.fnUntraced(function* (port, { timeoutMillis }) {
    const baseUrl = `http://${loopback}:${port}`
    const sessionManager = yield* Effect.acquireRelease(
      Effect.sync(() => new Http2SessionManager(baseUrl)),
      (manager) => Effect.sync(() => manager.abort())
    )
    const given = new AbortController()
    const sent = yield* Queue.unbounded<Calls.FrameInit, Cause.Done>()
    const inbox = yield* Calls.makeInbox
    const client = createClient(FlowService, makeTransport({ baseUrl, httpVersion: "2", sessionManager }))
    const frames = Stream.toAsyncIterable(Stream.map(Stream.fromQueue(sent), (frame) => create(FrameSchema, frame)))
    const options = {
      headers,
      signal: given.signal,
      ...(timeoutMillis === undefined ? {} : { timeoutMs: timeoutMillis })
    }
    const read = async () => {
      for await (const frame of client.open(frames, options)) inbox.frame(frame)
    }
    read().then(
      () => inbox.over("ok"),
      (cause) => inbox.over(codeOf(cause))
    )
    const made: Calls.Call = {
      send: (frame) => Effect.asVoid(Queue.offer(sent, frame)),
      finish: Effect.asVoid(Queue.end(sent)),
      cancel: Effect.sync(() => given.abort()),
      next: inbox.next
    }
    return made
  })

describeWith([], "plain clients of connect-node", () => {
  for (const [name, makeTransport] of Object.entries(transports))
    flowLaws({ name, isDirect: name === "Connect", call: call(makeTransport) })
  flowLaws({
    name: "Connect with a deadline",
    isDirect: true,
    call: call(createConnectTransport),
    timeoutMillis: 60_000
  })
  flowLaws({
    name: "Connect that names its encoding",
    isDirect: false,
    call: call(createConnectTransport, { "connect-content-encoding": "identity" })
  })
})
