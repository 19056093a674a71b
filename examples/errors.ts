/** What an error says, and a retry that cannot place an order twice: `delivered` decides. */
import { Console, Effect, Layer, References, Schema, Stream } from "effect"
// A program outside this repository imports from "grinta".
import { Endpoint, Fabric, type FlowError, Grinta, MemoryNetwork, type NetworkError, Registry } from "../src/index.ts"

class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", { left: Schema.Number }) {}

type Failure = NetworkError | FlowError | SoldOut
type Step = Effect.Effect<void>

const Shop = Endpoint.make("shop", { input: Schema.Number, output: Schema.String, error: SoldOut, ownership: "group" })

const open = (name: string, locality: string) => {
  const serve = Shop.toLayer((flow) => {
    const sell = (count: number): Effect.Effect<void, FlowError | SoldOut> =>
      count > 10 ? new SoldOut({ left: 10 }) : flow.send(`${count} from ${name}`)
    return Stream.runForEach(flow.messages, sell)
  })
  return Layer.build(Layer.provide(serve, Grinta.layerMemory({ name, locality, seeds: ["desk"] })))
}

/** One order, with something happening before it is sent and after. */
const order = Effect.fn("Shop.order")(function* (count: number, before: Step, after: Step) {
  const fabric = yield* Fabric
  const flow = yield* fabric.connect(Shop)
  yield* before
  yield* flow.send(count)
  yield* after
  yield* flow.end
  return (yield* Stream.runCollect(flow.messages)).join()
}, Effect.scoped)

/** No shop has seen the order. */
const isSafe = (error: Failure): boolean =>
  error._tag === "NetworkError" || (error._tag === "FlowError" && error.delivered === "no")

const report = (what: string, ordered: Effect.Effect<string, Failure, Fabric>) =>
  ordered.pipe(
    Effect.tapError((error) => Console.log(`${what}: ${error._tag}, safe to repeat: ${isSafe(error)}`)),
    Effect.retry({ while: isSafe, times: 3 }),
    Effect.catchTag("SoldOut", ({ left }) => Effect.succeed(`only ${left} left`)),
    Effect.catchReason("FlowError", "PeerLost", () => Effect.succeed("lost on the way: ask before you repeat")),
    Effect.tap((outcome) => Console.log(`${what}: ${outcome}`))
  )

const program = Effect.gen(function* () {
  const { kill } = yield* MemoryNetwork.MemoryNetwork
  const registry = yield* Registry
  yield* Effect.all([open("near", "hall-1"), open("far", "hall-2")])
  const owners = Stream.mapEffect(registry.watch("shop"), () => registry.resolve("shop"))
  yield* Stream.runDrain(Stream.takeUntil(owners, (found) => found.length === 2))
  yield* report("first", order(1, Effect.void, Effect.void))
  yield* report("too many", order(11, Effect.void, Effect.void))
  yield* report("killed before", order(1, Effect.andThen(kill("near"), Effect.sleep("50 millis")), Effect.void))
  yield* report("killed after", order(1, Effect.void, kill("far")))
})

const desk = Grinta.layerMemory({ name: "desk", locality: "hall-1" }).pipe(Layer.provideMerge(MemoryNetwork.layer()))
const quiet = Effect.provideService(References.MinimumLogLevel, "Warn")
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(desk), quiet))
