import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as RegistryLocal from "../../../src/layers/registry/RegistryLocal.ts"
import { Self } from "../../../src/services/Host.ts"
import { type Claim, Registry } from "../../../src/services/Registry.ts"
import * as Fold from "./Fold.ts"

const self = { id: "h", generation: 7, locality: "eu/fra", tags: { zone: "1" } }
const host = { ...self, address: "127.0.0.1", flowPort: 0, revision: 1 }

const unique = (name: string): Claim => ({ name, ownership: "unique", contract: 5n })

const layer = RegistryLocal.layerLimits({ ownNamesMax: 3 }).pipe(Layer.provide(Layer.succeed(Self, self)))

describe("a process on its own", () => {
  it.effect("claims, looks up and watches", () =>
    Effect.gen(function* () {
      const registry = yield* Registry
      const fold = yield* Fold.start(registry.watch("a"))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* registry.claim(unique("a.b"))
          yield* registry.claim({ ...unique("b"), ownership: "group" })
          const entry = { ...unique("a.b"), host }
          assert.deepStrictEqual(yield* registry.resolve("a.b"), [entry])
          assert.deepStrictEqual(yield* registry.scan("a"), [entry])
          assert.deepStrictEqual(yield* registry.resolve("c"), [])
          assert.deepStrictEqual(yield* registry.hosts, [host])
          yield* Fold.settle
          assert.deepStrictEqual(Fold.scan(fold), [entry])
        })
      )
      yield* Fold.settle
      assert.deepStrictEqual(yield* registry.scan(""), [])
      assert.deepStrictEqual(fold.events, ["snapshot ", "up a.b@h", "down a.b@h withdrawn"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives entries that can be written as JSON, with their fingerprints in hex", () =>
    Effect.gen(function* () {
      const registry = yield* Registry
      yield* registry.claim({ ...unique("a"), compatible: [10n, 255n] })
      yield* registry.claim(unique("b"))
      const [snapshot] = yield* Stream.runCollect(Stream.take(registry.watch(""), 1))
      const b = { name: "b", ownership: "unique", contract: "0000000000000005", host }
      const a = { ...b, name: "a", compatible: ["000000000000000a", "00000000000000ff"] }
      for (const entries of [yield* registry.scan(""), snapshot?._tag === "Snapshot" ? snapshot.entries : []])
        assert.deepStrictEqual(JSON.parse(JSON.stringify(entries)), [a, b])
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses bad names, names it claims already, and too many", () =>
    Effect.gen(function* () {
      const registry = yield* Registry
      const claim = (name: string) => Effect.map(Effect.flip(registry.claim(unique(name))), ({ reason }) => reason._tag)
      yield* registry.claim(unique("a"))
      assert.strictEqual(yield* claim("a"), "NameTaken")
      assert.strictEqual(yield* claim("a..b"), "NameInvalid")
      assert.strictEqual((yield* Effect.flip(registry.resolve(""))).operation, "resolve")
      yield* registry.claim(unique("b"))
      yield* registry.claim(unique("c"))
      assert.strictEqual(yield* claim("d"), "QuotaExceeded")
    }).pipe(Effect.provide(layer))
  )

  it.effect("two watchers of one stream value are independent", () =>
    Effect.gen(function* () {
      const registry = yield* Registry
      const watch = registry.watch("")
      const head = Stream.runCollect(Stream.take(watch, 1))
      assert.deepStrictEqual(yield* head, [{ _tag: "Snapshot", entries: [] }])
      yield* registry.claim(unique("a"))
      assert.deepStrictEqual(yield* head, [{ _tag: "Snapshot", entries: [{ ...unique("a"), host }] }])
    }).pipe(Effect.provide(layer))
  )
})
