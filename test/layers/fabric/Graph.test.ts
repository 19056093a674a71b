/**
 * Several hosts in one graph of layers: Effect builds a layer that it meets twice once, and hosts share nothing all the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Queue, Schema } from "effect"
import { Endpoint, Fabric, FabricLocal, Grinta, MemoryNetwork, Registry } from "../../../src/index.ts"

const Name = Endpoint.make("name", { input: Schema.Void, output: Schema.String, ownership: "group" })
const Other = Endpoint.make("other", { input: Schema.Void, output: Schema.String })

/** What a host says of itself, of the names that it knows, and of an endpoint that it serves. */
interface Said {
  readonly id: string
  readonly names: ReadonlyArray<string>
  readonly answer: string
}

const hosts = ["left", "right"] as const

/** Builds hosts in one graph, each with the layers of endpoints that it is given, and has each call itself. */
const saidBy = <R>(
  host: (name: string) => Layer.Layer<Fabric | Registry, unknown, R>,
  endpoints: (name: string) => Layer.Layer<never, unknown, Fabric>,
  called: typeof Name
) =>
  Effect.gen(function* () {
    const said = yield* Queue.unbounded<Said>()
    const say = Effect.gen(function* () {
      const { connect, self } = yield* Fabric
      const { scan } = yield* Registry
      const { id } = yield* self
      const flow = yield* connect(called, { select: { host: id } })
      const names = (yield* scan("")).filter(({ host }) => host.id === id).map(({ name }) => `${name}@${id}`)
      yield* Queue.offer(said, { id, names, answer: yield* flow.receive })
    })
    const one = (name: string) =>
      Layer.effectDiscard(say).pipe(Layer.provide(endpoints(name)), Layer.provide(host(name)))
    yield* Layer.build(Layer.mergeAll(one("left"), one("right")))
    return (yield* Queue.takeAll(said)).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  })

/** One value for both hosts: each tells whose it is. */
const shared = Name.toLayer((flow) =>
  Effect.flatMap(Fabric, ({ self }) => Effect.flatMap(self, ({ id }) => flow.send(id)))
)

const expected = hosts.map((id) => ({ id, names: [`name@${id}`], answer: id }))

describe("two hosts in one graph of layers", () => {
  it.effect("are two local fabrics, each with names of its own", () =>
    Effect.gen(function* () {
      const own = (name: string) => Name.toLayer((flow) => flow.send(name))
      assert.deepStrictEqual(yield* saidBy((name) => FabricLocal.layer({ name }), own, Name), expected)
    })
  )

  it.effect("both expose an endpoint whose layer is given to both", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* saidBy(
          (name) => FabricLocal.layer({ name }),
          () => shared,
          Name
        ),
        expected
      )
    })
  )

  it.effect("are two hosts of a network", () =>
    Effect.gen(function* () {
      const host = (name: string) => Grinta.layerMemory({ name })
      const said = yield* Effect.provide(
        saidBy(host, () => shared, Name),
        MemoryNetwork.layer()
      )
      assert.deepStrictEqual(said, expected)
    })
  )

  it.effect("of which one is given a layer twice is refused, in words that say so", () =>
    Effect.gen(function* () {
      const once = Other.toLayer((flow) => flow.send(""))
      const twice = Layer.mergeAll(once, once).pipe(Layer.provide(FabricLocal.layer({ name: "a" })))
      const error = yield* Effect.flip(Layer.build(twice))
      assert.strictEqual(error.message, 'expose: the name "other" is exposed on this host already')
    })
  )
})
