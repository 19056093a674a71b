/** A stream between two hosts over real sockets: its handler waits for a slow reader, and is interrupted when that leaves. */
import { Console, Context, Effect, Layer, References, Schedule, Schema, Stream } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"
// A program outside this repository imports from "grinta" and "grinta/rpc".
import { Gossip, Grinta } from "../src/index.ts"
import { FabricRpc } from "../src/rpc/index.ts"

/** 16 KiB each, so that few of them fill what waits on a flow. */
const Tick = Schema.Struct({ at: Schema.Number, data: Schema.String })

class Ticks extends RpcGroup.make(Rpc.make("ticks", { success: Tick, stream: true })) {}

let made = 0
const ticks = Stream.range(1, 100_000).pipe(
  Stream.rechunk(1),
  Stream.map((at) => {
    made = at
    return { at, data: "x".repeat(16 * 1024) }
  }),
  Stream.ensuring(Console.log("the server is told that its reader has left"))
)

const TicksLive = FabricRpc.layerServer("ticks", Ticks).pipe(Layer.provide(Ticks.toLayer({ ticks: () => ticks })))

/** Ports of 0 let the system choose. */
const listen = { gossipPort: 0, flowPort: 0 }

const program = Effect.gen(function* () {
  const server = yield* Layer.build(Layer.provideMerge(TicksLive, Grinta.layer({ name: "server", listen })))
  const { address, port } = yield* Context.get(server, Gossip).self
  const client = yield* Layer.build(Grinta.layer({ name: "client", listen, seeds: [`${address}:${port}`] }))

  const slow = Effect.gen(function* () {
    // Joining and hearing of the name take a moment.
    const { ticks } = yield* FabricRpc.client("ticks", Ticks, { wait: true })
    const read = ticks().pipe(Stream.take(5), Stream.schedule(Schedule.spaced("100 millis")), Stream.runCollect)
    return (yield* read).map(({ at }) => at)
  })
  yield* Console.log(`read: ${yield* Effect.provideContext(Effect.scoped(slow), client)}`)
  yield* Effect.sleep("200 millis")
  yield* Console.log(`the server has made fewer than 100: ${made < 100}`)
})

// Hosts say at Info what becomes of the others.
const quiet = Effect.provideService(References.MinimumLogLevel, "Warn")
await Effect.runPromise(quiet(Effect.scoped(program)))
