/** grinta/rpc: a group of Effect Rpc over flows between two hosts. */
import { Effect, Layer, ManagedRuntime, Schema, Scope } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
import { Gossip } from "../../../src/index.ts"
import { FabricRpc } from "../../../src/rpc/index.ts"
import { askingFibers, question } from "../Asks.ts"
import { asks, type Candidate, type Client } from "../Candidate.ts"
import { hostLayer } from "./grinta.ts"

const Said = Schema.Struct({ from: Schema.String, text: Schema.String })

class Asking extends RpcGroup.make(
  Rpc.make("Ask", { payload: Said, success: Said }),
  Rpc.make("Echo", { payload: { text: Schema.String }, success: Schema.String })
) {}

const handlers = Asking.toLayer({ Ask: (said) => Effect.succeed(said), Echo: ({ text }) => Effect.succeed(text) })

const serve = () => {
  const server = FabricRpc.layerServer("asking", Asking).pipe(Layer.provide(handlers))
  return ManagedRuntime.make(Layer.provideMerge(server, hostLayer("server", []))).runPromise(
    Effect.gen(function* () {
      const { address, port } = yield* (yield* Gossip).self
      return { address: `${address}:${port}` }
    })
  )
}

const connect = async (seed: string): Promise<Client> => {
  const host = ManagedRuntime.make(hostLayer("client", [seed]))
  const client = await host.runPromise(
    Scope.provide(FabricRpc.client("asking", Asking, { wait: true }), Scope.makeUnsafe())
  )
  return {
    asks: (inFlight, effort) => host.runPromise(askingFibers(inFlight, effort, client.Ask(question))),
    pingPong: (load, trips) =>
      host.runPromise(
        Effect.gen(function* () {
          const [text = ""] = load.texts
          const micros: Array<number> = []
          while (micros.length < trips) {
            const began = performance.now()
            yield* client.Echo({ text })
            micros.push((performance.now() - began) * 1000)
          }
          return micros
        })
      )
  }
}

export const candidates: ReadonlyArray<Candidate> = [
  { name: "grinta/rpc", rows: ["ping-pong", ...asks], serve, connect }
]
