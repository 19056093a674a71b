/** Hosts whose clocks differ by a day: a life of a host is known by when it began, as its own clock says. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import {
  Endpoint,
  Fabric,
  FabricMesh,
  GossipSocketMemory,
  GossipSwim,
  MemoryNetwork,
  Registry,
  RegistryGossip,
  Self,
  TransportMemory
} from "../../../src/index.ts"
import * as SwimConfig from "../../../src/protocol/swim/Config.ts"

const Mine = Endpoint.make("mine", { input: Schema.Void, output: Schema.String })

const dayMicros = 24 * 3600 * 1e6
const nowMicros = 1.8e15

/** A host whose clock is off by so many days; `startedMicros` after the others. */
const start = Effect.fnUntraced(function* (id: string, days: number, startedMicros = 0) {
  const network = yield* MemoryNetwork.MemoryNetwork
  const generation = nowMicros + days * dayMicros + startedMicros
  const layer = FabricMesh.layerConfig({}).pipe(
    Layer.provideMerge(RegistryGossip.layerLimits({})),
    Layer.provideMerge(
      GossipSwim.layer({
        fabric: "",
        seeds: ["a"],
        meta: { flowPort: 7947 },
        profile: { ...SwimConfig.swift, deadReclaimMillis: 1000 }
      })
    ),
    Layer.provideMerge(Layer.succeed(Self, { id, generation, locality: "", tags: {} })),
    Layer.provideMerge(Layer.merge(GossipSocketMemory.layer(id), TransportMemory.layer(id))),
    Layer.provide(Layer.succeed(MemoryNetwork.MemoryNetwork, network))
  )
  const built = yield* Layer.build(layer)
  return { fabric: Context.get(built, Fabric), registry: Context.get(built, Registry) }
})

const seeded = MemoryNetwork.layer().pipe(
  Layer.provideMerge(Layer.effect(Random.Random, Random.withSeed(Random.Random, "clocks")))
)

const serve = (name: string, fabric: Context.Service.Shape<typeof Fabric>) =>
  fabric.expose(
    Endpoint.make(name, { input: Schema.Void, output: Schema.String, ownership: "group" }),
    () => Effect.void
  )

describe("a fabric whose clocks differ by a day", () => {
  it.effect("knows all names everywhere, and those of a host that starts again with a clock that went back", () =>
    Effect.gen(function* () {
      const a = yield* start("a", 0)
      const b = yield* start("b", -1)
      const c = yield* start("c", 1)
      for (const [name, { fabric }] of Object.entries({ a, b, c })) yield* serve(`of-${name}`, fabric)
      yield* TestClock.adjust("5 seconds")
      const names = ({ registry }: typeof a) =>
        Effect.map(registry.scan("of-"), (found) => found.map(({ name }) => name))
      for (const host of [a, b, c]) assert.deepStrictEqual(yield* names(host), ["of-a", "of-b", "of-c"])
      yield* Effect.flatMap(MemoryNetwork.MemoryNetwork, ({ kill }) => kill("c"))
      yield* TestClock.adjust("30 seconds")
      for (const host of [a, b]) assert.deepStrictEqual(yield* names(host), ["of-a", "of-b"])
      const again = yield* start("c", 0, 1)
      yield* serve("of-c", again.fabric)
      yield* TestClock.adjust("30 seconds")
      for (const host of [a, b, again]) assert.deepStrictEqual(yield* names(host), ["of-a", "of-b", "of-c"])
    }).pipe(Effect.provide(seeded))
  )

  it.effect.each([-1, 1])(
    "leaves a unique name with its owner, whatever the clock of a host that has joined; %i day",
    (days) =>
      Effect.gen(function* () {
        const owner = yield* start("a", 0)
        yield* owner.fabric.expose(Mine, (flow) => flow.send("a"))
        yield* TestClock.adjust("1 minute")
        const late = yield* start("late", days, 60e6)
        yield* TestClock.adjust("3 seconds")
        const error = yield* Effect.flip(late.fabric.expose(Mine, (flow) => flow.send("late")))
        assert.deepInclude(error.reason, { _tag: "NameTaken", owner: "a" })
        const flow = yield* Effect.forkChild(Effect.flatMap(late.fabric.connect(Mine), (flow) => flow.receive))
        yield* TestClock.adjust("3 seconds")
        const [found] = yield* late.registry.resolve("mine")
        assert.strictEqual(found?.host.id, "a")
        assert.isDefined(flow.pollUnsafe())
      }).pipe(Effect.provide(seeded))
  )
})
