/**
 * Whole fabrics: the same program in one process, on a network in memory, and over real sockets.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Schedule, Schema, Scope, Stream } from "effect"
import { Endpoint, Fabric, Gossip, Grinta, MemoryNetwork, type NetworkError, Registry } from "../../../src/index.ts"
import * as Certificates from "../transport/http2/tls/Certificates.ts"

const Count = Endpoint.make("text.count", {
  input: Schema.String,
  output: Schema.Struct({ by: Schema.String, words: Schema.Number }),
  ownership: "group"
})

const serve = (by: string) =>
  Count.toLayer(
    Effect.fn("Count.serve")(function* (flow) {
      let words = 0
      yield* Stream.runForEach(flow.messages, (line) => {
        words += line.split(" ").length
        return flow.send({ by, words })
      })
    })
  )

const count = (lines: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fabric = yield* Fabric
    const flow = yield* fabric.connect(Count)
    yield* flow.sendAll(lines)
    yield* flow.end
    return yield* Stream.runCollect(flow.messages)
  }).pipe(Effect.scoped)

/** Tries again while something is not there yet: names and members take a moment to spread. */
const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, Schedule.spaced("50 millis")).pipe(Effect.timeout("20 seconds"))

type Services = Fabric | Registry | Gossip

const suite = (
  name: string,
  build: Effect.Effect<
    {
      readonly host: (
        name: string,
        seeds: ReadonlyArray<string>
      ) => Effect.Effect<
        { readonly context: Context.Context<Services>; readonly address: string; readonly close: Effect.Effect<void> },
        NetworkError,
        Scope.Scope
      >
    },
    never,
    Scope.Scope
  >
) =>
  describe(name, () => {
    it.live("finds an endpoint by name and talks to it", () =>
      Effect.gen(function* () {
        const { host } = yield* build
        const a = yield* host("a", [])
        const b = yield* host("b", [a.address])
        yield* Layer.build(Layer.provide(serve("a"), Layer.succeedContext(a.context)))
        const heard = yield* eventually(Effect.provideContext(count(["one two", "three"]), b.context))
        assert.deepStrictEqual(heard, [
          { by: "a", words: 2 },
          { by: "a", words: 3 }
        ])
      })
    )

    it.live("what a handler says last arrives, though its host closes right after it", () =>
      Effect.gen(function* () {
        const { host } = yield* build
        const a = yield* host("a", [])
        const b = yield* host("b", [a.address])
        yield* Effect.provideContext(
          Effect.flatMap(Fabric, (fabric) =>
            fabric.expose(Count, (flow) => Effect.andThen(flow.draining, flow.send({ by: "a", words: 1 })))
          ),
          a.context
        )
        const flow = yield* eventually(Context.get(b.context, Fabric).connect(Count))
        yield* flow.end
        const heard = yield* Effect.forkChild(Stream.runCollect(flow.messages))
        yield* Effect.sleep("50 millis")
        yield* a.close
        assert.deepStrictEqual(yield* Effect.timeout(Fiber.join(heard), "10 seconds"), [{ by: "a", words: 1 }])
        const late = yield* Effect.flip(Effect.scoped(Context.get(a.context, Fabric).connect(Count)))
        assert.strictEqual(late._tag === "NetworkError" && late.reason._tag, "FabricClosed")
      })
    )

    it.live("the surviving owner takes over when one is gone", () =>
      Effect.gen(function* () {
        const { host } = yield* build
        const a = yield* host("a", [])
        const b = yield* host("b", [a.address])
        const c = yield* host("c", [a.address])
        const exposeAt = (at: typeof a, by: string) =>
          Effect.provideContext(
            Effect.flatMap(Fabric, (fabric) =>
              fabric.expose(Count, (flow) =>
                Stream.runForEach(flow.messages, (line) => flow.send({ by, words: line.length }))
              )
            ),
            at.context
          )
        yield* exposeAt(a, "a")
        yield* exposeAt(b, "b")
        const registry = Context.get(c.context, Registry)
        yield* eventually(
          Effect.filterOrFail(
            registry.resolve("text.count"),
            (owners) => owners.length === 2,
            () => "not yet"
          )
        )
        yield* a.close
        const heard = yield* eventually(Effect.provideContext(count(["x"]), c.context))
        assert.deepStrictEqual(heard, [{ by: "b", words: 1 }])
        yield* eventually(
          Effect.filterOrFail(
            registry.resolve("text.count"),
            (owners) => owners.length === 1,
            () => "not yet"
          )
        )
      })
    )
  })

const sockets = (more: (name: string) => Grinta.Options) =>
  Effect.succeed({
    host: (name: string, seeds: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const context = yield* Layer.buildWithScope(
          Grinta.layer({ name, seeds, listen: { gossipPort: 0, flowPort: 0 }, profile: "local", ...more(name) }),
          scope
        )
        const self = yield* Context.get(context, Gossip).self
        return { context, address: `${self.address}:${self.port}`, close: Scope.close(scope, Exit.void) }
      })
  })

suite(
  "a fabric over sockets",
  sockets(() => ({}))
)

const authority = Certificates.make("an authority")

suite(
  "a fabric over sockets, encrypted",
  sockets((name) => ({
    fabric: "shop",
    keys: ["AAECAwQFBgcICQoLDA0ODw=="],
    tls: authority.issue(name, { fabric: "shop" })
  }))
)

suite(
  "a fabric in memory",
  Effect.gen(function* () {
    const network = yield* Layer.build(MemoryNetwork.layer())
    return {
      host: (name, seeds) =>
        Effect.gen(function* () {
          const scope = yield* Scope.fork(yield* Effect.scope)
          const context = yield* Layer.buildWithScope(
            Layer.provide(Grinta.layerMemory({ name, seeds }), Layer.succeedContext(network)),
            scope
          )
          return { context, address: name, close: Scope.close(scope, Exit.void) }
        })
    }
  })
)
