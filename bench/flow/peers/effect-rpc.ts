/**
 * Effect Rpc over TCP, with each serialization that frames its messages (the others need a transport that does).
 * Its streams go one way, from the server to the caller, so here it is the caller that counts. Round trips are requests.
 */
import { NodeSocket, NodeSocketServer } from "@effect/platform-node"
import { type Cause, Effect, Layer, ManagedRuntime, Queue, Schema, Scope, Stream } from "effect"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"
import { SocketServer } from "effect/socket"
import { askingFibers, question } from "../Asks.ts"
import { asks, type Candidate, type Client } from "../Candidate.ts"
import { type Load, loadOf, Tally } from "../Load.ts"

const Said = Schema.Struct({ from: Schema.String, text: Schema.String })
const Wanted = { rounds: Schema.Number, size: Schema.Number }

class Bench extends RpcGroup.make(
  Rpc.make("Ask", { payload: Said, success: Said }),
  Rpc.make("Echo", { payload: { text: Schema.String }, success: Schema.String }),
  Rpc.make("Send", { payload: Wanted, success: Schema.String, stream: true }),
  Rpc.make("SendAll", { payload: Wanted, success: Schema.String, stream: true }),
  Rpc.make("Say", { payload: Wanted, success: Said, stream: true })
) {}

/** Messages that may wait, and so go in one chunk: each waits for the acknowledgement of the one before. The best of 64 to 4096. */
const bufferFor = (size: number): number => Math.min(1024, (4 * 1024 * 1024) / size)

const outbox = Effect.fnUntraced(function* <A>(
  load: Load,
  fill: (queue: Queue.Queue<A, Cause.Done>) => Effect.Effect<void>
) {
  const queue = yield* Queue.bounded<A, Cause.Done>(bufferFor(load.size))
  const filling = Effect.gen(function* () {
    for (let round = 0; round < load.rounds; round++) yield* fill(queue)
    yield* Queue.end(queue)
  })
  yield* Effect.forkScoped(filling)
  return queue
})

const handlers = Bench.toLayer({
  Ask: (said) => Effect.succeed(said),
  Echo: ({ text }) => Effect.succeed(text),
  Send: ({ rounds, size }) => {
    const load = loadOf(size, rounds)
    return outbox<string>(
      load,
      Effect.fnUntraced(function* (queue) {
        for (const text of load.texts) yield* Queue.offer(queue, text)
      })
    )
  },
  SendAll: ({ rounds, size }) => {
    const load = loadOf(size, rounds)
    return outbox<string>(load, (queue) => Effect.asVoid(Queue.offerAll(queue, load.texts)))
  },
  Say: ({ rounds, size }) => {
    const load = loadOf(size, rounds)
    return outbox<typeof Said.Type>(
      load,
      Effect.fnUntraced(function* (queue) {
        for (const said of load.said) yield* Queue.offer(queue, said)
      })
    )
  }
})

type Serialization = Layer.Layer<RpcSerialization.RpcSerialization>

const serve = (serialization: Serialization) => () => {
  const socket = NodeSocketServer.layer({ host: "127.0.0.1", port: 0, noDelay: true })
  const server = RpcServer.layer(Bench).pipe(
    Layer.provide(handlers),
    Layer.provide(RpcServer.layerProtocolSocketServer),
    Layer.provideMerge(socket),
    Layer.provide(serialization)
  )
  return ManagedRuntime.make(server).runPromise(
    Effect.map(SocketServer.SocketServer, ({ address }) => ({
      address: "port" in address ? String(address.port) : ""
    }))
  )
}

const connect =
  (serialization: Serialization) =>
  async (address: string): Promise<Client> => {
    const socket = NodeSocket.layerNet({ host: "127.0.0.1", port: Number(address), noDelay: true })
    const protocol = RpcClient.layerProtocolSocket().pipe(Layer.provide(socket), Layer.provide(serialization))
    const runtime = ManagedRuntime.make(protocol)
    const client = await runtime.runPromise(Scope.provide(RpcClient.make(Bench), Scope.makeUnsafe()))
    const buffer = ({ size }: Load) => ({ streamBufferSize: bufferFor(size) })
    const counting = async <A, E>(stream: Stream.Stream<A, E>, add: (tally: Tally, message: A) => void) => {
      const tally = new Tally()
      const counted = Stream.runForEachArray(stream, (messages) =>
        Effect.sync(() => {
          for (const message of messages) add(tally, message)
        })
      )
      await runtime.runPromise(counted)
      return tally.receipt
    }
    return {
      send: (load) => counting(client.Send(load, buffer(load)), (tally, text) => tally.addText(text)),
      sendAll: (load) => counting(client.SendAll(load, buffer(load)), (tally, text) => tally.addText(text)),
      sendTyped: (load) => counting(client.Say(load, buffer(load)), (tally, said) => tally.addSaid(said)),
      asks: (inFlight, effort) => runtime.runPromise(askingFibers(inFlight, effort, client.Ask(question))),
      pingPong: (load, trips) => {
        const [text = ""] = load.texts
        return runtime.runPromise(
          Effect.gen(function* () {
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
  }

const rows = ["send", "sendAll", "large", "typed", "ping-pong", ...asks] as const

const candidate = (name: string, serialization: Serialization): Candidate => ({
  name: `Effect Rpc, ${name}`,
  rows,
  serve: serve(serialization),
  connect: connect(serialization)
})

export const candidates: ReadonlyArray<Candidate> = [
  candidate("ndjson", RpcSerialization.layerNdjson),
  candidate("ndJsonRpc", RpcSerialization.layerNdJsonRpc()),
  candidate("SchemaBinary", RpcSerialization.layerSchemaBinary())
]
