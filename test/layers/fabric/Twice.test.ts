/**
 * A name that is exposed twice on one host: one gets it, however the two interleave, and the other is told why not.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Scheduler, Schema } from "effect"
import { Endpoint, Fabric, FabricLocal, Registry } from "../../../src/index.ts"

const Which = Endpoint.make("which", { input: Schema.String, output: Schema.String, ownership: "group" })

const taken = 'expose: the name "which" is exposed on this host already'

describe("a name exposed twice on one host", () => {
  it.effect("is refused, in words that say so", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(FabricLocal.layer({ name: "a" }))
      const { expose } = Context.get(services, Fabric)
      yield* expose(Which, () => Effect.void)
      assert.strictEqual((yield* Effect.flip(expose(Which, () => Effect.void))).message, taken)
      const { claim } = Context.get(services, Registry)
      const { contract } = (yield* Context.get(services, Registry).resolve("which"))[0] ?? { contract: 0n }
      const again = yield* Effect.flip(claim({ name: "which", ownership: "group", contract }))
      assert.strictEqual(again.message, taken)
    })
  )

  it.effect.each([3, 4, 5, 8, 13, 21, 34])("at once is exposed once, and served; %i steps at a time", (steps) =>
    Effect.gen(function* () {
      const services = yield* Layer.build(FabricLocal.layer({ name: "a" }))
      const { connect, expose } = Context.get(services, Fabric)
      const as = (name: string) =>
        Effect.exit(
          Effect.as(
            expose(Which, (flow) => flow.send(name)),
            name
          )
        )
      const exits = yield* Effect.forEach(["first", "second", "third"], as, { concurrency: "unbounded" }).pipe(
        Effect.provideService(Scheduler.MaxOpsBeforeYield, steps)
      )
      const [won, ...others] = exits.filter(Exit.isSuccess)
      assert.lengthOf(others, 0)
      for (const exit of exits) if (Exit.isFailure(exit)) assert.include(String(exit.cause), taken)
      assert.strictEqual(yield* Effect.flatMap(connect(Which), (flow) => flow.receive), won?.value)
    })
  )
})
