/** The log says that a name is withdrawn when it was held, and once. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Grinta from "../../../src/layers/Grinta.ts"
import * as Codec from "../../../src/services/Codec.ts"
import * as Endpoint from "../../../src/services/Endpoint.ts"
import { Fabric } from "../../../src/services/Fabric.ts"
import * as Cluster from "../gossip/Cluster.ts"

const Only = Endpoint.make("only", { input: Codec.bytes, output: Codec.bytes })

describe("what the log says of a name", () => {
  it.effect("is nothing when it was refused, and once that it is withdrawn when it was held", () => {
    const lines: Array<string> = []
    const log = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
    return Effect.gen(function* () {
      const a = Context.get(yield* Layer.build(Grinta.layerMemory({ name: "a" })), Fabric)
      const b = Context.get(yield* Layer.build(Grinta.layerMemory({ name: "b", seeds: ["a"] })), Fabric)
      const held = yield* Scope.make()
      yield* Scope.provide(
        a.expose(Only, () => Effect.void),
        held
      )
      yield* TestClock.adjust("5 seconds")
      const { reason } = yield* Effect.flip(Effect.scoped(b.expose(Only, () => Effect.void)))
      assert.strictEqual(reason._tag, "NameTaken")
      const withdrawn = () => lines.filter((line) => line.includes("withdrawn"))
      assert.deepStrictEqual(withdrawn(), [])
      const closing = yield* Effect.forkChild(Scope.close(held, Exit.void))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(closing)
      assert.deepStrictEqual(withdrawn(), ['"only" is withdrawn'])
    }).pipe(Effect.provide(Cluster.network("withdrawn")), Effect.provide(log))
  })
})
