/** A host that has given its name up to another process: whatever is asked of it says so, and its health does. */
import { createClient } from "@connectrpc/connect"
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, References, Stream } from "effect"
import * as Grinta from "../../../src/layers/Grinta.ts"
import {
  Health,
  HealthCheckResponse_ServingStatus as Status
} from "../../../src/protocol/gen/grpc/health/v1/health_pb.ts"
import * as Codec from "../../../src/services/Codec.ts"
import * as Endpoint from "../../../src/services/Endpoint.ts"
import { Fabric } from "../../../src/services/Fabric.ts"
import type { FlowError } from "../../../src/services/FlowError.ts"
import { Gossip } from "../../../src/services/Gossip.ts"
import type { NetworkError } from "../../../src/services/NetworkError.ts"
import { Transport } from "../../../src/services/Transport.ts"

const Other = Endpoint.make("other", { input: Codec.bytes, output: Codec.bytes })
const Mine = Endpoint.make("mine", { input: Codec.bytes, output: Codec.bytes })

const drain = ({ messages }: { readonly messages: Stream.Stream<unknown, FlowError> }) => Stream.runDrain(messages)

const start = Layer.build(Grinta.layer({ name: "twin", listen: { gossipPort: 0, flowPort: 0 }, profile: "local" }))

const healthAt = (port: number) =>
  Effect.gen(function* () {
    const baseUrl = `http://127.0.0.1:${port}`
    const sessionManager = yield* Effect.acquireRelease(
      Effect.sync(() => new Http2SessionManager(baseUrl)),
      (manager) => Effect.sync(() => manager.abort())
    )
    const client = createClient(Health, createGrpcTransport({ baseUrl, sessionManager }))
    const { status } = yield* Effect.promise(() => client.check({}, { timeoutMs: 10_000 }))
    return status
  }).pipe(Effect.scoped)

describe("a host that has given its name up", () => {
  it.live(
    "fails with NameTaken whatever is asked of it, also what was asked before, and is not healthy",
    () =>
      Effect.gen(function* () {
        const [keeps, loses] = [yield* start, yield* start]
        const [fabric, gossip] = [Context.get(loses, Fabric), Context.get(loses, Gossip)]
        const { flowPort } = Context.get(loses, Transport)
        const { address, port } = yield* Context.get(keeps, Gossip).self
        assert.strictEqual(yield* healthAt(flowPort), Status.SERVING)
        const { lost } = yield* fabric.expose(Mine, drain)
        const each = yield* Effect.forkScoped(Effect.flip(Stream.runDrain(fabric.connectEach(Other))))
        const joined = yield* Effect.forkScoped(Effect.flip(fabric.joined))
        yield* fabric.join([`${address}:${port}`])
        const errors: Array<readonly [string, NetworkError]> = [["lost", yield* Effect.flip(lost)]]
        errors.push(["connectEach before", yield* Fiber.join(each)], ["joined before", yield* Fiber.join(joined)])
        const asked = {
          expose: Effect.scoped(fabric.expose(Other, drain)),
          connect: Effect.scoped(fabric.connect(Mine)),
          wait: Effect.scoped(fabric.connect(Mine, { wait: true })),
          connectEach: Stream.runDrain(fabric.connectEach(Mine)),
          join: fabric.join([`${address}:${port}`]),
          joined: fabric.joined,
          setTags: gossip.setTags({ a: "b" })
        }
        for (const [what, ask] of Object.entries<Effect.Effect<unknown, NetworkError>>(asked))
          errors.push([what, yield* Effect.flip(ask)])
        for (const [what, { reason }] of errors)
          assert.deepInclude(reason, { _tag: "NameTaken", name: "twin" }, `${what}: ${reason.message}`)
        assert.strictEqual(yield* healthAt(flowPort), Status.NOT_SERVING)
        assert.strictEqual(yield* healthAt(Context.get(keeps, Transport).flowPort), Status.SERVING)
      }).pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None"), Effect.timeout("40 seconds")),
    60_000
  )
})
