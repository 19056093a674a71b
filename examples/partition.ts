/** A unique name on both sides of a cut: each half owns it, and when the cut heals the later owner is told. Virtual time. */
import { Console, Context, Effect, Layer, References, Schema } from "effect"
import { TestClock } from "effect/testing"
// A program outside this repository imports from "grinta".
import { Endpoint, Fabric, Grinta, MemoryNetwork, Registry } from "../src/index.ts"

const Leader = Endpoint.make("leader", { input: Schema.String, output: Schema.String })

const program = Effect.gen(function* () {
  const network = yield* MemoryNetwork.MemoryNetwork
  const a = yield* Layer.build(Grinta.layerMemory({ name: "a" }))
  yield* TestClock.adjust("1 second")
  const b = yield* Layer.build(Grinta.layerMemory({ name: "b", seeds: ["a"] }))
  yield* TestClock.adjust("2 seconds")

  const lead = (host: typeof a) => Context.get(host, Fabric).expose(Leader, (flow) => flow.end)
  const ownerAt = Effect.fnUntraced(function* (host: typeof a) {
    const owners = yield* Context.get(host, Registry).resolve("leader")
    return owners.map((entry) => entry.host.id).join() || "nobody"
  })
  const show = Effect.fnUntraced(function* (when: string) {
    yield* Console.log(`${when}: a sees ${yield* ownerAt(a)}, b sees ${yield* ownerAt(b)}`)
  })

  yield* lead(a)
  yield* TestClock.adjust("1 second")
  yield* show("a leads")
  const refused = yield* Effect.flip(Effect.scoped(lead(b)))
  yield* Console.log(`b is refused: ${refused.reason._tag}`)

  yield* network.cut("a", "b")
  yield* TestClock.adjust("1 minute")
  yield* show("a minute after the cut")
  const claim = yield* lead(b)
  yield* show("b leads its half")

  yield* network.heal
  yield* TestClock.adjust("2 minutes")
  yield* show("healed")
  const lost = yield* Effect.flip(claim.lost)
  yield* Console.log(`b has lost the name: ${lost.reason._tag}`)
})

const quiet = Effect.provideService(References.MinimumLogLevel, "Error")
const virtual = Layer.provideMerge(MemoryNetwork.layer(), TestClock.layer())
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(virtual), quiet))
