/** Records on their way to the membership plane: one queue, its own, that no step of the directory waits for. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Latch, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import * as RegistryGossip from "../../../src/layers/registry/RegistryGossip.ts"
import * as NameRecords from "../../../src/protocol/names/NameRecords.ts"
import { Gossip } from "../../../src/services/Gossip.ts"
import { type Claim, Registry } from "../../../src/services/Registry.ts"
import * as Cluster from "../gossip/Cluster.ts"
import * as ToyGossip from "./ToyGossip.ts"

const group = (name: string): Claim => ({ name, ownership: "group", contract: 1n })

/** The records that a node was given to gossip, as "name version", with "-" for a withdrawal. */
const said = ({ said }: ToyGossip.Node): ReadonlyArray<string> =>
  said
    .flatMap(({ payload }) => Result.getOrThrow(NameRecords.decode(payload)).records)
    .map(({ isTombstone, name, version }) => `${isTombstone ? "-" : ""}${name} ${version}`)

describe("records", () => {
  it.effect("are handed over by the step that makes them, in the order of the steps", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("handed")
      const { node, registry, stop } = yield* ToyGossip.run(bus, bus.add("h0", 1), RegistryGossip.layerLimits({}))
      yield* registry.claim(group("a"))
      assert.deepStrictEqual(said(node), ["a 1"])
      yield* Effect.scoped(Effect.andThen(registry.claim(group("b")), registry.claim(group("c"))))
      assert.deepStrictEqual(said(node), ["a 1", "b 2", "c 3", "-c 4", "-b 5"])
      yield* stop
      assert.deepStrictEqual(said(node).slice(-1), ["-a 6"])
    })
  )

  it.effect("of a membership plane that stands still hold up no claim, no look-up and no close", () =>
    Effect.gen(function* () {
      const bus = yield* ToyGossip.make("still")
      const node = bus.add("h0", 1)
      const services = bus.services(node)
      const still = Context.add(services, Gossip, { ...Context.get(services, Gossip), broadcast: () => Effect.never })
      const { registry, stop } = yield* ToyGossip.run(
        { ...bus, services: () => still },
        node,
        RegistryGossip.layerLimits({})
      )
      yield* Effect.scoped(registry.claim(group("a")))
      yield* registry.claim(group("b"))
      assert.deepStrictEqual(
        (yield* registry.scan("")).map(({ name }) => name),
        ["b"]
      )
      yield* stop
    })
  )

  it.effect("beyond the bound of what may wait are counted, and brought by digests", () =>
    Effect.gen(function* () {
      const waitingMax = 16
      const names = Array.from({ length: 3 * waitingMax }, (_, i) => group(`n${String(i).padStart(2, "0")}`))
      const start = Effect.fnUntraced(function* (id: string, generation: number) {
        const running = yield* Cluster.start(id, { limits: { userBroadcastsMax: waitingMax } }, generation)
        const layer = RegistryGossip.layerLimits({}).pipe(
          Layer.provide(Layer.mergeAll(Layer.succeed(Gossip, running.gossip), Cluster.self(id, generation)))
        )
        return { ...running, registry: Context.get(yield* Layer.build(layer), Registry) }
      })
      const [h0, h1] = [yield* start("h0", 1), yield* start("h1", 2)]
      const goesOn = Latch.makeUnsafe(true)
      yield* h0.gossip.onChange(() => goesOn.await)
      yield* Effect.forkScoped(h1.gossip.join(["h0"]))
      yield* TestClock.adjust("1 second")
      // The machine of h0 stands still while it hears of the next change.
      goesOn.closeUnsafe()
      yield* h1.gossip.setTags({ news: "yes" })
      yield* TestClock.adjust("1 second")
      yield* Effect.forEach(names, h0.registry.claim, { discard: true })
      const dropped = names.length - waitingMax
      assert.strictEqual((yield* h0.gossip.counters)["swim.broadcastLimit"], dropped)
      goesOn.openUnsafe()
      const seen = Effect.map(h1.registry.scan(""), (entries) => entries.length)
      yield* TestClock.adjust("3 minutes")
      assert.strictEqual(yield* seen, names.length)
    }).pipe(Effect.provide(Cluster.network("bound")))
  )
})
