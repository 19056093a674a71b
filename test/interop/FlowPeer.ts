/** The peer in `go/flow/`: one call to a host of ours, or a host, in the words of connect-go. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { create, type JsonValue, toJson } from "@bufbuild/protobuf"
import { afterAll, beforeAll } from "@effect/vitest"
import { Deferred, Effect, Schema } from "effect"
import { FrameSchema } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Calls from "./FlowCalls.ts"
import { becomes } from "./Ours.ts"
import * as Processes from "./Processes.ts"

const folder = new URL("./go/flow/", import.meta.url).pathname
const proto = new URL("../../proto", import.meta.url).pathname
const generated = ["flow.pb.go", "membership.pb.go", "names.pb.go", "grintav1connect/flow.connect.go"]
let binary = ""

/** Generates the code of the peer and builds it, before the tests of a file. The sources are left as they are. */
export const build = (): void => {
  const directory = mkdtempSync(join(tmpdir(), "grinta-flow-"))
  binary = join(directory, "peer")
  const overlay = join(directory, "overlay.json")
  const place = (file: string) => join("gen/grinta/v1", file)
  const built = Effect.gen(function* () {
    yield* Processes.run("buf", ["generate", proto, "--template", "buf.gen.yaml", "-o", directory], folder)
    const Replace = Object.fromEntries(
      generated.map((file) => [join(folder, place(file)), join(directory, place(file))])
    )
    writeFileSync(overlay, JSON.stringify({ Replace }))
    yield* Processes.run("go", ["build", "-buildvcs=false", "-overlay", overlay, "-o", binary, "."], folder)
  })
  beforeAll(() => Effect.runPromise(built), 180_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
}

const Line = Schema.fromJsonString(
  Schema.Struct({
    frame: Schema.optionalKey(Schema.Unknown),
    hex: Schema.optionalKey(Schema.String),
    over: Schema.optionalKey(Schema.String),
    port: Schema.optionalKey(Schema.Number)
  })
)

export type Protocol = "connect" | "grpc" | "grpcweb"

/** Opens a call. */
export const call = Effect.fnUntraced(function* (
  port: number,
  options: { readonly protocol: Protocol; readonly timeoutMillis: number | undefined }
) {
  const inbox = yield* Calls.makeInbox
  const args = [
    `-call=http://${Processes.loopback}:${port}`,
    `-protocol=${options.protocol}`,
    `-timeout=${options.timeoutMillis ?? 0}`
  ]
  const { process } = yield* Processes.start({
    command: binary,
    args,
    onLine: (text) => {
      const { frame, over } = Schema.decodeSync(Line)(text)
      if (over !== undefined) inbox.over(over)
      else inbox.json(frame)
    }
  })
  const tell = (line: JsonValue) => Effect.sync(() => process.stdin?.write(`${JSON.stringify(line)}\n`))
  const made: Calls.Call = {
    send: (frame) => tell({ send: toJson(FrameSchema, create(FrameSchema, frame)) }),
    finish: tell({ finish: true }),
    cancel: tell({ cancel: true }),
    next: inbox.next
  }
  return made
})

/** What each of these frames is to the peer, and how it writes them; both in hex. */
export const recode = Effect.fnUntraced(function* (frames: ReadonlyArray<string>) {
  const told: Array<{ readonly frame?: unknown; readonly hex?: string }> = []
  const { process } = yield* Processes.start({
    command: binary,
    args: ["-recode"],
    onLine: (text) => told.push(Schema.decodeSync(Line)(text))
  })
  process.stdin?.end(frames.map((hex) => `${hex}\n`).join(""))
  yield* becomes(
    "the peer has told of all frames",
    Effect.sync(() => told.length),
    frames.length
  )
  return told
})

/** Starts a host; its port. */
export const serve = Effect.gen(function* () {
  const up = yield* Deferred.make<number>()
  const { log } = yield* Processes.start({
    command: binary,
    args: [],
    onLine: (text) => {
      const { port } = Schema.decodeSync(Line)(text)
      if (port !== undefined) Deferred.doneUnsafe(up, Effect.succeed(port))
    }
  })
  return yield* Deferred.await(up).pipe(
    Effect.timeoutOrElse({
      duration: "20 seconds",
      orElse: () => Effect.die(new Error(`the Go peer did not come up:\n${log.join("\n")}`))
    })
  )
})
