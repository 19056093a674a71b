/** The peers in `python/`, written from docs/protocol.md: a client of grpcio, and a host. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { create, type JsonValue, toJson } from "@bufbuild/protobuf"
import { afterAll, beforeAll } from "@effect/vitest"
import { Deferred, Effect, Schema } from "effect"
import { FrameSchema } from "../../src/protocol/gen/grinta/v1/flow_pb.ts"
import * as Calls from "./FlowCalls.ts"
import { pythonPath } from "./Peers.ts"
import * as Processes from "./Processes.ts"

const folder = new URL("./python/", import.meta.url).pathname
const proto = new URL("../../proto", import.meta.url).pathname
let generated = ""

/** Generates the code of the peers with plain protoc, before the tests of a file. */
export const build = (): void => {
  generated = mkdtempSync(join(tmpdir(), "grinta-python-"))
  const files = ["flow", "names"].map((name) => `grinta/v1/${name}.proto`)
  const outs = [`--python_out=${generated}`, `--grpc_python_out=${generated}`]
  beforeAll(
    () =>
      Effect.runPromise(Processes.run(pythonPath, ["-m", "grpc_tools.protoc", "-I", proto, ...outs, ...files], folder)),
    60_000
  )
  afterAll(() => rmSync(generated, { recursive: true, force: true }))
}

const Line = Schema.fromJsonString(
  Schema.Struct({
    frame: Schema.optionalKey(Schema.Unknown),
    over: Schema.optionalKey(Schema.String),
    port: Schema.optionalKey(Schema.Number),
    address: Schema.optionalKey(Schema.String)
  })
)

export interface CallOptions {
  readonly target: string
  readonly timeoutMillis: number | undefined
  /** Further flags of the client. */
  readonly flags?: ReadonlyArray<string>
}

/** Opens a call. */
export const call = Effect.fnUntraced(function* ({ flags = [], target, timeoutMillis = 0 }: CallOptions) {
  const inbox = yield* Calls.makeInbox
  const place = [`--generated=${generated}`, `--target=${target}`, `--timeout=${timeoutMillis / 1000}`]
  const { process } = yield* Processes.start({
    command: pythonPath,
    args: [join(folder, "client.py"), ...place, ...flags],
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

export interface HostOptions {
  readonly name?: string
  readonly fabric?: string
  readonly seed?: string
}

/** Starts a host. */
export const host = Effect.fnUntraced(function* ({ fabric = "", name = "python", seed }: HostOptions) {
  const up = yield* Deferred.make<{ readonly port: number; readonly address: string }>()
  const running = yield* Processes.start({
    command: pythonPath,
    args: [
      join(folder, "host.py"),
      ...[`--generated=${generated}`, `--name=${name}`, `--fabric=${fabric}`],
      ...(seed === undefined ? [] : [`--seed=${seed}`])
    ],
    onLine: (text) => {
      const { address = "", port = 0 } = Schema.decodeSync(Line)(text)
      Deferred.doneUnsafe(up, Effect.succeed({ address, port }))
    }
  })
  const place = yield* Deferred.await(up).pipe(
    Effect.timeoutOrElse({
      duration: "20 seconds",
      orElse: () => Effect.die(new Error(`the host did not come up:\n${running.log.join("\n")}`))
    })
  )
  return { ...running, ...place, name }
})

const Tools = Schema.fromJsonString(
  Schema.Struct({
    health: Schema.Record(Schema.String, Schema.String),
    services: Schema.Array(Schema.String),
    methods: Schema.Array(Schema.String)
  })
)

/** What the tools of gRPC find on a port. */
export const tools = (target: string, ...names: ReadonlyArray<string>) =>
  Effect.flatMap(Processes.run(pythonPath, [join(folder, "tools.py"), target, ...names]), Schema.decodeEffect(Tools))
