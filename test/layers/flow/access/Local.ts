/**
 * One host in one process that calls an endpoint of its own, and what comes of that.
 */
import { Context, Effect, Layer, Stream } from "effect"
import { Codec, Endpoint, Fabric, FabricLocal, type Flow, FlowError, NetworkError } from "../../../../src/index.ts"

export const Echo = Endpoint.make("echo", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

export const echo = (flow: Flow<Uint8Array, Uint8Array>) => Stream.runForEach(flow.messages, flow.send)

export const local = Effect.map(Layer.build(FabricLocal.layer({ name: "server" })), (built) =>
  Context.get(built, Fabric)
)

export const reasonOf = (error: unknown): string =>
  error instanceof NetworkError || error instanceof FlowError ? error.reason._tag : String(error)

export const asked = (fabric: Fabric["Service"], endpoint = Echo) =>
  Effect.scoped(
    Effect.gen(function* () {
      const flow = yield* fabric.connect(endpoint)
      yield* flow.send(Uint8Array.of(7))
      yield* flow.receive
      return "served"
    })
  ).pipe(Effect.catch((error) => Effect.succeed(reasonOf(error))))
