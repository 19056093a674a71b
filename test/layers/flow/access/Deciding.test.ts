/**
 * Functions that decide, and do not do so as they should: what they hold up, and what they give.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Access, Fabric, FabricLocal } from "../../../../src/index.ts"
import { straysMax } from "../../../../src/layers/flow/Authorizing.ts"
import { asked, Echo, echo, local } from "./Local.ts"

/** Waits where it cannot be interrupted. */
const stubborn = (until: Effect.Effect<unknown>) => () =>
  Effect.acquireUseRelease(
    Effect.void,
    () => Effect.succeed(Access.allow),
    () => Effect.asVoid(until)
  )

/** Has a call begin, and go as far as it does at once. */
const calling = (fabric: Fabric["Service"]) =>
  Effect.tap(Effect.forkChild(asked(fabric), { startImmediately: true }), () => Effect.yieldNow)

describe("a function that does not let itself be interrupted", () => {
  it.effect("has 5 seconds, too, and is told of", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void (logLevel === "Warn" && lines.push(String(message))))
    return Effect.gen(function* () {
      const fabric = yield* local
      yield* fabric.expose(Echo, echo, { allow: stubborn(Effect.never) })
      const call = yield* calling(fabric)
      yield* TestClock.adjust("5100 millis")
      assert.strictEqual(yield* Fiber.join(call), "Unauthorized")
      assert.lengthOf(lines, 1)
      assert.include(lines[0], "the function that decides said nothing in time")
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("keeps neither a change of the rule, nor its host, from coming to an end", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const fabric = Context.get(
        yield* Scope.provide(Layer.build(FabricLocal.layer({ name: "server" })), scope),
        Fabric
      )
      const { allow } = yield* Scope.provide(fabric.expose(Echo, echo), scope)
      const flow = yield* Scope.provide(fabric.connect(Echo), scope)
      yield* flow.send(Uint8Array.of(1))
      yield* flow.receive
      const changing = yield* Effect.forkChild(allow(stubborn(Effect.never), { openFlows: "end" }), {
        startImmediately: true
      })
      yield* TestClock.adjust("5100 millis")
      assert.strictEqual(yield* Fiber.join(changing), 1)
      const call = yield* calling(fabric)
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      assert.notStrictEqual(yield* Fiber.join(call), "served")
    })
  )

  it.effect("is let go of so many times, and then not asked before one has ended", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      const over = yield* Deferred.make<void>()
      let count = 0
      const hang = stubborn(Deferred.await(over))
      yield* fabric.expose(Echo, echo, {
        allow: () => {
          count += 1
          return hang()
        }
      })
      for (let i = 0; i < straysMax; i++) yield* Fiber.interrupt(yield* calling(fabric))
      assert.strictEqual(count, straysMax)
      assert.strictEqual(yield* asked(fabric), "Unauthorized")
      assert.strictEqual(count, straysMax)
      yield* Deferred.succeed(over, undefined)
      for (const _ of Array(50)) yield* Effect.yieldNow
      assert.strictEqual(yield* asked(fabric), "served")
    })
  )
})

describe("what a function gives", () => {
  const denials: ReadonlyArray<readonly [string, string, unknown]> = [
    ["no reason", "its reason is no text", { _tag: "Deny" }],
    ["an error for a reason", "its reason is no text", { _tag: "Deny", why: new Error("no") }],
    [
      "a reason that throws",
      "has failed",
      {
        _tag: "Deny",
        get why() {
          throw new Error("no")
        }
      }
    ],
    [
      "a tag that throws",
      "has failed",
      {
        get _tag() {
          throw new Error("no")
        }
      }
    ],
    ["a text", "the answer is no decision", "Allow"],
    ["null", "the answer is no decision", null]
  ]
  it.effect.each(denials)("refuses, and is recorded, with %s", ([, why, decision]) => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void (logLevel === "Warn" && lines.push(String(message))))
    return Effect.gen(function* () {
      const fabric = yield* local
      yield* fabric.expose(Echo, echo, { allow: Object.assign(() => Effect.succeed(decision)) })
      assert.strictEqual(yield* asked(fabric), "Unauthorized")
      assert.lengthOf(lines, 1)
      assert.include(lines[0], why)
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("refuses where it is no effect at all", () =>
    Effect.gen(function* () {
      const fabric = yield* local
      const { allow } = yield* fabric.expose(Echo, echo)
      for (const given of [true, Access.allow, undefined, Promise.resolve(Access.allow)]) {
        yield* allow(Object.assign(() => given))
        assert.strictEqual(yield* asked(fabric), "Unauthorized", String(given))
      }
    })
  )
})
