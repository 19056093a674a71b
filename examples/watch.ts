/** Watching names come and go: the state first, then every change, and why. */
import { Console, Context, Effect, Exit, Fiber, Layer, References, Schema, Scope, Stream } from "effect"
// A program outside this repository imports from "grinta".
import { Endpoint, Fabric, Grinta, MemoryNetwork, Registry, type RegistryEvent } from "../src/index.ts"

const endpoint = (name: string) =>
  Endpoint.make(name, { input: Schema.String, output: Schema.String, ownership: "group" })

const describe = (event: RegistryEvent): string => {
  switch (event._tag) {
    case "Snapshot":
      return `at first: ${event.entries.map(({ host, name }) => `${name} on ${host.id}`).join(", ") || "nothing"}`
    case "Up":
      return `up: ${event.entry.name} on ${event.entry.host.id}`
    case "Down":
      return `down: ${event.entry.name} on ${event.entry.host.id}, ${event.cause}`
  }
}

const program = Effect.gen(function* () {
  const a = yield* Layer.build(Grinta.layerMemory({ name: "a" }))
  const registry = Context.get(a, Registry)
  yield* Context.get(a, Fabric).expose(endpoint("shop.books"), (flow) => flow.end)

  const events = Stream.tap(registry.watch("shop."), (event) => Console.log(describe(event)))
  const watching = yield* Effect.forkChild(Stream.runDrain(Stream.take(events, 5)), { startImmediately: true })

  /** Waits until the registry of "a" has this many names. */
  const names = (count: number) =>
    registry.watch("").pipe(
      Stream.mapEffect(() => registry.scan("")),
      Stream.takeUntil((entries) => entries.length === count),
      Stream.runDrain
    )

  const host = yield* Scope.make()
  const b = yield* Layer.buildWithScope(Grinta.layerMemory({ name: "b", seeds: ["a"] }), host)
  const music = yield* Scope.make()
  const expose = Context.get(b, Fabric).expose
  yield* Scope.provide(
    expose(endpoint("shop.music"), (flow) => flow.end),
    music
  )
  yield* names(2)
  yield* Scope.provide(
    expose(endpoint("shop.toys"), (flow) => flow.end),
    host
  )
  yield* names(3)
  yield* Scope.close(music, Exit.void)
  yield* names(2)
  yield* Scope.close(host, Exit.void)
  yield* Fiber.join(watching)
})

// Hosts say at Info what becomes of the others.
const quiet = Effect.provideService(References.MinimumLogLevel, "Warn")
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(MemoryNetwork.layer()), quiet))
