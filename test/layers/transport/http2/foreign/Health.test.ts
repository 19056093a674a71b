/** What tools ask a port for: whether the host and its endpoints take flows, and which services there are. */
import * as http2 from "node:http2"
import { type DescService, fromBinary, type MessageInitShape } from "@bufbuild/protobuf"
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt"
import { type Client, Code, ConnectError, createClient, type Transport as Wire } from "@connectrpc/connect"
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Queue, Scope, Stream } from "effect"
import * as Grinta from "../../../../../src/layers/Grinta.ts"
import { FlowService } from "../../../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import {
  Health,
  HealthCheckResponse_ServingStatus as Status
} from "../../../../../src/protocol/gen/grpc/health/v1/health_pb.ts"
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse
} from "../../../../../src/protocol/gen/grpc/reflection/v1/reflection_pb.ts"
import * as Codec from "../../../../../src/services/Codec.ts"
import * as Endpoint from "../../../../../src/services/Endpoint.ts"
import { Fabric } from "../../../../../src/services/Fabric.ts"
import { Transport } from "../../../../../src/services/Transport.ts"
import { freePort } from "../../../../interop/Processes.ts"
import * as Certificates from "../tls/Certificates.ts"

const names = new Map<number, string>(Object.entries(Status).map(([name, status]) => [status, name]))
const nameOf = (status: number): string => names.get(status) ?? String(status)

const endpoint = (name: string) => Endpoint.make(name, { input: Codec.bytes, output: Codec.bytes })
const serve = Stream.runDrain

type Reach = (options: {
  readonly baseUrl: string
  readonly httpVersion: "2"
  readonly sessionManager: Http2SessionManager
}) => Wire

/** A plain client of a service, for the life of the scope. */
const clientOf = <S extends DescService>(service: S, port: number, reach: Reach = createGrpcTransport) =>
  Effect.gen(function* () {
    const baseUrl = `http://127.0.0.1:${port}`
    const sessionManager = yield* Effect.acquireRelease(
      Effect.sync(() => new Http2SessionManager(baseUrl)),
      (manager) => Effect.sync(() => manager.abort())
    )
    return createClient(service, reach({ baseUrl, httpVersion: "2", sessionManager }))
  })

const start = Effect.fnUntraced(function* (options: Grinta.Options = {}) {
  const services = yield* Layer.build(
    Grinta.layer({ name: "server", listen: { gossipPort: 0, flowPort: 0 }, profile: "local", ...options })
  )
  const fabric = Context.get(services, Fabric)
  return { fabric, port: Context.get(services, Transport).flowPort }
})

/** What a check says: a status, or the code of the failure. */
const check = (client: Client<typeof Health>, service: string) =>
  Effect.promise(() =>
    client.check({ service }, { timeoutMs: 10_000 }).then(
      ({ status }) => nameOf(status),
      (cause) => Code[ConnectError.from(cause).code]
    )
  )

/** What a watch says, one after the other. */
const watch = Effect.fnUntraced(function* (client: Client<typeof Health>, service: string) {
  const said = yield* Queue.unbounded<string>()
  const given = new AbortController()
  yield* Effect.addFinalizer(() => Effect.sync(() => given.abort()))
  const read = async () => {
    for await (const { status } of client.watch({ service }, { signal: given.signal }))
      Queue.offerUnsafe(said, nameOf(status))
  }
  read().catch((cause) => Queue.offerUnsafe(said, Code[ConnectError.from(cause).code]))
  return Effect.timeout(Queue.take(said), "10 seconds")
})

describe("the health of a host", () => {
  for (const [protocol, reach] of [
    ["gRPC", createGrpcTransport],
    ["Connect", createConnectTransport]
  ] as const)
    it.live(`is told for as long as somebody watches, over ${protocol}`, () =>
      Effect.gen(function* () {
        const { fabric, port } = yield* start()
        const client = yield* clientOf(Health, port, reach)
        const [host, chat] = [yield* watch(client, ""), yield* watch(client, "chat")]
        assert.strictEqual(yield* host, "SERVING")
        assert.strictEqual(yield* chat, "SERVICE_UNKNOWN")
        const exposed = yield* Scope.make()
        yield* Scope.provide(
          fabric.expose(endpoint("chat"), ({ messages }) => serve(messages)),
          exposed
        )
        assert.strictEqual(yield* chat, "SERVING")
        yield* Scope.close(exposed, Exit.void)
        assert.strictEqual(yield* chat, "SERVICE_UNKNOWN")
        yield* fabric.expose(endpoint("chat"), ({ messages }) => serve(messages))
        assert.strictEqual(yield* chat, "SERVING")
        yield* fabric.leave
        assert.strictEqual(yield* chat, "NOT_SERVING")
        assert.strictEqual(yield* host, "NOT_SERVING")
      })
    )

  it.live("is told of the host, of the flow service and of each endpoint, and of nothing else", () =>
    Effect.gen(function* () {
      const { fabric, port } = yield* start()
      const client = yield* clientOf(Health, port)
      yield* fabric.expose(endpoint("chat.lobby"), ({ messages }) => serve(messages))
      for (const name of ["", FlowService.typeName, "chat.lobby"])
        assert.strictEqual(yield* check(client, name), "SERVING")
      for (const name of ["chat", "nobody", "grinta.v1"]) assert.strictEqual(yield* check(client, name), "NotFound")
      yield* fabric.leave
      for (const name of ["", FlowService.typeName, "chat.lobby"])
        assert.strictEqual(yield* check(client, name), "NOT_SERVING")
      const listed = yield* Effect.promise(() =>
        client.list({}).then(
          () => 0,
          (cause) => ConnectError.from(cause).code
        )
      )
      assert.strictEqual(listed, Code.Unimplemented)
    })
  )

  it.live("has a port of its own in plaintext, which serves nothing else", () =>
    Effect.gen(function* () {
      const healthPort = yield* freePort
      const tls = Certificates.make("an authority").issue("server")
      const { port } = yield* start({ healthPort, tls })
      const client = yield* clientOf(Health, healthPort)
      assert.strictEqual(yield* check(client, ""), "SERVING")
      assert.notStrictEqual(yield* check(yield* clientOf(Health, port), ""), "SERVING")
      const flows = yield* clientOf(FlowService, healthPort)
      const reflection = yield* clientOf(ServerReflection, healthPort)
      const opened = async function* () {
        yield { kind: { case: "open" as const, value: { endpoint: "chat", wireVersion: 1 } } }
      }
      const asked = async function* () {
        yield { messageRequest: { case: "listServices" as const, value: "" } }
      }
      const first = async (answers: AsyncIterable<unknown>) => {
        for await (const _ of answers) return "an answer"
        return "the end"
      }
      for (const answers of [flows.open(opened()), reflection.serverReflectionInfo(asked())]) {
        const code = yield* Effect.promise(() => first(answers).catch((cause) => Code[ConnectError.from(cause).code]))
        assert.strictEqual(code, "Unimplemented")
      }
    })
  )

  for (const [what, timeout, status, code] of [
    ["is not watched beyond the deadline of the call", "100m", undefined, http2.constants.NGHTTP2_CANCEL],
    ["is not told with a deadline that is no time", "soon", "3", http2.constants.NGHTTP2_NO_ERROR]
  ] as const)
    it.live(what, () =>
      Effect.gen(function* () {
        const { port } = yield* start()
        const session = yield* Effect.acquireRelease(
          Effect.sync(() => http2.connect(`http://127.0.0.1:${port}`)),
          (open) => Effect.sync(() => open.destroy())
        )
        const ended = yield* Effect.callback<readonly [unknown, number | undefined]>((resume) => {
          const stream = session.request({
            ":method": "POST",
            ":path": "/grpc.health.v1.Health/Watch",
            "content-type": "application/grpc",
            "grpc-timeout": timeout
          })
          let said: unknown
          stream.on("trailers", (trailers) => (said = trailers["grpc-status"])).on("error", () => undefined)
          stream.on("close", () => resume(Effect.succeed([said, stream.rstCode])))
          stream.resume().end(Buffer.alloc(5))
        }).pipe(Effect.timeout("10 seconds"))
        assert.deepStrictEqual(ended, [status, code])
      })
    )

  it.live("has no port of its own that cannot be", () =>
    Effect.gen(function* () {
      for (const healthPort of [0, -1, 65_536, 0.5]) {
        const exit = yield* Effect.exit(Effect.scoped(start({ healthPort })))
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "healthPort")
      }
      const taken = yield* start()
      const exit = yield* Effect.exit(Effect.scoped(start({ name: "b", healthPort: taken.port })))
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", `healthPort`)
    })
  )
})

type Asked = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]>
type Told = ServerReflectionResponse["messageResponse"]

describe("reflection", () => {
  const askAll = Effect.fnUntraced(function* (...asked: ReadonlyArray<Asked>) {
    const { port } = yield* start()
    const client = yield* clientOf(ServerReflection, port)
    return yield* Effect.promise(async () => {
      const told: Array<Told> = []
      const requests = async function* () {
        for (const messageRequest of asked) yield { host: "a", messageRequest }
      }
      for await (const { messageResponse, validHost } of client.serverReflectionInfo(requests())) {
        assert.strictEqual(validHost, "a")
        told.push(messageResponse)
      }
      return told
    })
  })

  const filesIn = (told: Told | undefined) =>
    told?.case === "fileDescriptorResponse"
      ? told.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
      : []

  it.live("names the services, and gives the file of each of their symbols", () =>
    Effect.gen(function* () {
      const [listed, ...told] = yield* askAll(
        { case: "listServices", value: "" },
        { case: "fileContainingSymbol", value: "grinta.v1.FlowService" },
        { case: "fileContainingSymbol", value: "grinta.v1.FlowService.Open" },
        { case: "fileContainingSymbol", value: "grinta.v1.Frame" },
        { case: "fileContainingSymbol", value: "grinta.v1.RejectReason" },
        { case: "fileByFilename", value: "grinta/v1/flow.proto" }
      )
      const services = listed?.case === "listServicesResponse" ? listed.value.service.map(({ name }) => name) : []
      assert.sameMembers(services, [FlowService.typeName, Health.typeName, ServerReflection.typeName])
      for (const each of told) {
        const files = filesIn(each)
        assert.deepStrictEqual(
          files.map(({ name }) => name),
          ["grinta/v1/flow.proto"]
        )
        assert.deepStrictEqual(files[0]?.service[0]?.method[0]?.name, "Open")
      }
    })
  )

  it.live("says what there is not", () =>
    Effect.gen(function* () {
      const told = yield* askAll(
        { case: "fileContainingSymbol", value: "grinta.v1.Nothing" },
        { case: "fileContainingSymbol", value: "" },
        { case: "fileByFilename", value: "other.proto" },
        { case: "fileContainingExtension", value: { containingType: "grinta.v1.Frame", extensionNumber: 1 } },
        { case: "allExtensionNumbersOfType", value: "grinta.v1.Nothing" },
        { case: undefined }
      )
      const codes = told.map((each) => (each.case === "errorResponse" ? each.value.errorCode : each.case))
      assert.deepStrictEqual(codes, [5, 5, 5, 5, 5, 3])
      const [none] = yield* askAll({ case: "allExtensionNumbersOfType", value: "grinta.v1.Frame" })
      assert.deepStrictEqual(none?.case === "allExtensionNumbersResponse" ? none.value.extensionNumber : none, [])
    })
  )
})
