/** A host that knows no other one says so where it matters, and a program can wait until it is not alone any more. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Codec, Endpoint, Fabric, FabricLocal, Grinta, MemoryNetwork } from "../../../src/index.ts"

const Who = Endpoint.make("who", { input: Codec.bytes, output: Codec.bytes })

/** Hosts on one network in memory, each until it is closed. */
const world = Effect.gen(function* () {
  const network = yield* Layer.build(MemoryNetwork.layer({ latency: "1 millis" }))
  return Effect.fnUntraced(function* (name: string, ...seeds: ReadonlyArray<string>) {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const layer = Layer.provide(Grinta.layerMemory({ name, seeds }), Layer.succeedContext(network))
    const services = yield* Layer.buildWithScope(layer, scope)
    return { fabric: Context.get(services, Fabric), close: Scope.close(scope, Exit.void) }
  })
})

const reasonOf = (fabric: Fabric["Service"], options = {}) =>
  Effect.map(Effect.flip(Effect.scoped(fabric.connect(Who, options))), ({ reason }) => reason)

describe("a host that is alone", () => {
  it.effect("says so when a name is not found, and not when it knows another", () =>
    Effect.gen(function* () {
      const host = yield* world
      const a = yield* host("a")
      const alone = yield* reasonOf(a.fabric)
      assert.deepInclude(alone, { _tag: "EndpointNotFound", endpoint: "who", isAlone: true })
      assert.strictEqual(alone.message, 'no live host exposes "who", and this host is alone: it knows no other')

      const b = yield* host("b", "a")
      yield* TestClock.adjust("2 seconds")
      for (const { fabric } of [a, b]) {
        const reason = yield* reasonOf(fabric)
        assert.strictEqual(reason.message, 'no live host exposes "who"')
      }
    })
  )

  it.effect("says so when a connect that waits has waited for nobody", () =>
    Effect.gen(function* () {
      const a = yield* (yield* world)("a")
      const waiting = yield* Effect.forkChild(reasonOf(a.fabric, { wait: true, timeout: "3 seconds" }))
      yield* TestClock.adjust("4 seconds")
      const { message } = yield* Fiber.join(waiting)
      assert.strictEqual(message, 'no answer for "who" within 3000 ms, and this host is alone: it knows no other')
    })
  )

  it.effect("is none in a fabric of one process", () =>
    Effect.gen(function* () {
      const fabric = yield* Fabric
      yield* fabric.joined
      assert.strictEqual((yield* reasonOf(fabric)).message, 'no live host exposes "who"')
    }).pipe(Effect.provide(FabricLocal.layer()))
  )
})

describe("joined", () => {
  it.effect("waits until there is another host, on either side", () =>
    Effect.gen(function* () {
      const host = yield* world
      const b = yield* host("b", "a")
      const waiting = yield* Effect.forkChild(b.fabric.joined)
      yield* TestClock.adjust("20 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      const a = yield* host("a")
      const asked = yield* Effect.forkChild(a.fabric.joined)
      yield* TestClock.adjust("1 minute")
      yield* Effect.all([Fiber.join(waiting), Fiber.join(asked), a.fabric.joined])
    })
  )

  it.effect("is over when the host leaves, or its layer ends", () =>
    Effect.gen(function* () {
      const host = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const waiting = yield* Effect.forkChild(Effect.flip(a.fabric.joined))
      const other = yield* Effect.forkChild(Effect.flip(b.fabric.joined))
      yield* TestClock.adjust("1 second")
      yield* a.fabric.leave
      yield* b.close
      for (const ended of [waiting, other]) {
        const error = yield* Fiber.join(ended)
        assert.strictEqual(error.reason._tag, "FabricClosed")
        assert.strictEqual(error.operation, "join")
      }
      assert.strictEqual((yield* Effect.flip(a.fabric.joined)).reason._tag, "FabricClosed")
    })
  )
})
