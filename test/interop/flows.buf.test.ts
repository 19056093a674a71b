/** `buf curl`, which people try a service with, opens flows to an endpoint of ours, over Connect and gRPC. */
import { create, toJsonString } from "@bufbuild/protobuf"
import { Effect } from "effect"
import { FrameSchema } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Calls from "./FlowCalls.ts"
import { flowLaws } from "./FlowLaws.ts"
import { buf, describeWith } from "./Peers.ts"
import * as Processes from "./Processes.ts"

const schema = new URL("../../proto", import.meta.url).pathname

/** The documents of a stream of JSON, as soon as each is complete. */
const documents = (take: (document: unknown) => void) => {
  let lines: ReadonlyArray<string> = []
  return (line: string): void => {
    lines = [...lines, line]
    // Each document begins and ends at the margin.
    if (!line.startsWith("}") && line !== "{}" && !/^\{.*\}$/.test(line)) return
    take(JSON.parse(lines.join("\n")))
    lines = []
  }
}

const call = Effect.fnUntraced(function* (port: number, protocol: string) {
  const inbox = yield* Calls.makeInbox
  const url = `http://${Processes.loopback}:${port}/grinta.v1.FlowService/Open`
  const running = yield* Processes.start({
    command: "buf",
    args: ["curl", "--schema", schema, "--http2-prior-knowledge", "--protocol", protocol, "--data", "@-", url],
    onLine: documents(inbox.json)
  })
  const { process } = running
  process.once("close", (code) => inbox.over(code === 0 ? "ok" : running.log.join("\n")))
  const made: Calls.Call = {
    send: (frame) => Effect.sync(() => process.stdin?.write(toJsonString(FrameSchema, create(FrameSchema, frame)))),
    finish: Effect.sync(() => process.stdin?.end()),
    cancel: Effect.sync(() => process.kill("SIGINT")),
    next: inbox.next
  }
  return made
})

describeWith([buf], "buf curl", () => {
  for (const protocol of ["connect", "grpc"])
    flowLaws({
      name: protocol,
      isDirect: protocol === "connect",
      call: (port) => call(port, protocol),
      hasDeadlines: false,
      givesUp: "PeerLost"
    })
})
