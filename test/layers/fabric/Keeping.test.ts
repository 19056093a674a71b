/** Keeping an endpoint: over an `expose` as the test says, and once over a fabric. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Logger, References, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Codec, Endpoint, type ExposeOptions, Fabric, FabricLocal, type KeepOptions } from "../../../src/index.ts"
import * as Keeping from "../../../src/layers/fabric/Keeping.ts"
import {
  FabricClosed,
  NameTaken,
  NetworkError,
  type NetworkErrorReason,
  QuotaExceeded
} from "../../../src/services/NetworkError.ts"

const Only = Endpoint.make("only", { input: Codec.bytes, output: Codec.bytes })

const failure = (reason: NetworkErrorReason) => new NetworkError({ operation: "expose", reason })
const taken = failure(new NameTaken({ name: "only", owner: "b" }))
const full = failure(new QuotaExceeded({ what: "bytes", limit: 1 }))
const closed = failure(new FabricClosed({ host: "a" }))

/** An `expose` that fails as listed, one attempt after the other, and then exposes; and what has become of it. */
const world = Effect.fnUntraced(function* (failures: ReadonlyArray<NetworkError | "dies">) {
  const found: Array<string> = []
  const given: Array<ExposeOptions | undefined> = []
  let lost = yield* Deferred.make<never, NetworkError>()
  const expose: Fabric["Service"]["expose"] = Effect.fnUntraced(function* (_contract, _handler, options) {
    const error = failures[given.length]
    given.push(options)
    if (error === "dies") return yield* Effect.die("a defect")
    if (error !== undefined) return yield* error
    lost = yield* Deferred.make<never, NetworkError>()
    found.push("exposed")
    yield* Effect.addFinalizer(() => Effect.sync(() => found.push("withdrawn")))
    return { lost: Deferred.await(lost), allow: () => Effect.succeed(0), annotations: { endpoint: "only" } }
  })
  const scope = yield* Scope.fork(yield* Effect.scope)
  const keep = (options?: KeepOptions) =>
    Scope.provide(
      Keeping.make(expose)(Only, () => Effect.void, options),
      scope
    )
  return {
    found,
    given,
    close: Scope.close(scope, Exit.void),
    lose: (error: NetworkError) => Effect.andThen(Deferred.fail(lost, error), TestClock.adjust("10 millis")),
    /** Keeps, with hooks that are noted. */
    keep: (options: KeepOptions = {}) =>
      keep({
        onExposed: () => Effect.onExit(Effect.never, ({ _tag }) => Effect.sync(() => found.push(`onExposed: ${_tag}`))),
        onLost: ({ reason }) => Effect.sync(() => found.push(`lost: ${reason._tag}`)),
        ...options
      }),
    plain: keep
  }
})

describe("an endpoint that is kept", () => {
  it.effect("is exposed until the scope closes, with the bounds that are its own", () =>
    Effect.gen(function* () {
      const { close, found, given, keep } = yield* world([])
      yield* keep({ concurrency: 7 })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(given, [{ concurrency: 7 }])
      assert.deepStrictEqual(found, ["exposed"])
      yield* close
      assert.sameMembers(found, ["exposed", "onExposed: Failure", "withdrawn"])
    })
  )

  it.effect("is lost for good: the hooks are told, and nothing tries again", () =>
    Effect.gen(function* () {
      const { found, given, keep, lose } = yield* world([])
      yield* keep()
      yield* TestClock.adjust("1 second")
      yield* lose(taken)
      assert.deepStrictEqual(found, ["exposed", "onExposed: Failure", "lost: NameTaken"])
      yield* TestClock.adjust("1 hour")
      assert.lengthOf(given, 1)
    })
  )

  it.effect.each([taken, full, closed])("fails as exposing does: $message", (error) =>
    Effect.gen(function* () {
      const { found, given, keep } = yield* world([error])
      assert.strictEqual(yield* Effect.flip(keep()), error)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([found, given.length], [[], 1])
    })
  )
})

describe("a standby", () => {
  it.effect("returns while the name is taken, and exposes the endpoint once it is free", () =>
    Effect.gen(function* () {
      const { found, given, keep } = yield* world([taken, taken, full, taken])
      yield* keep({ standby: true, backlog: 3 })
      assert.deepStrictEqual(found, [])
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(found, ["exposed"])
      assert.deepStrictEqual(given, Array(5).fill({ backlog: 3 }))
    })
  )

  it.effect("exposes the endpoint anew after each loss, in a scope of its own", () =>
    Effect.gen(function* () {
      const { close, found, keep, lose } = yield* world([])
      yield* keep({ standby: true })
      const once = ["exposed", "onExposed: Failure", "lost: NameTaken", "withdrawn"]
      for (const times of [1, 2, 3]) {
        yield* TestClock.adjust("2 seconds")
        yield* lose(taken)
        assert.deepStrictEqual(found, Array(times).fill(once).flat())
      }
      yield* TestClock.adjust("2 seconds")
      yield* close
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(found.slice(12), ["exposed", "onExposed: Failure", "withdrawn"])
    })
  )

  it.effect("stays away after a loss that is for good", () =>
    Effect.gen(function* () {
      const { found, keep, lose } = yield* world([])
      yield* keep({ standby: true })
      yield* TestClock.adjust("1 second")
      yield* lose(closed)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(found, ["exposed", "onExposed: Failure", "lost: FabricClosed", "withdrawn"])
    })
  )

  it.effect.each([full, closed])("fails with any other reason, and then tries no more: $message", (error) =>
    Effect.gen(function* () {
      const { found, given, keep } = yield* world([error])
      assert.strictEqual(yield* Effect.flip(keep({ standby: true })), error)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual([found, given.length], [[], 1])
    })
  )

  it.effect("does not wait for ever where exposing dies", () =>
    Effect.gen(function* () {
      const { keep } = yield* world(["dies"])
      const dying = yield* Effect.forkChild(Effect.exit(keep({ standby: true })))
      yield* TestClock.adjust("1 minute")
      assert.include(String(yield* Fiber.join(dying)), "a defect")
    })
  )
})

describe("what is logged of a kept endpoint", () => {
  it.effect("is its loss, where no hook is told, and what its hook fails with: by the name of the endpoint", () => {
    const lines: Array<readonly [string, unknown]> = []
    const log = Logger.layer([
      Logger.make(({ fiber, logLevel, message }) => {
        const [text] = Array.isArray(message) ? message : [message]
        lines.push([`${logLevel}: ${text}`, fiber.getRef(References.CurrentLogAnnotations)])
      })
    ])
    return Effect.gen(function* () {
      const { found, lose, plain } = yield* world([])
      yield* plain({ onExposed: () => closed })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(found, ["exposed"])
      yield* lose(taken)
      assert.deepStrictEqual(lines, [
        ['Error: onExposed of "only" stopped', { endpoint: "only" }],
        [`Warn: "only" is not exposed here any more: ${taken.message}`, { endpoint: "only" }]
      ])
    }).pipe(Effect.provide(log))
  })
})

describe("keep of a fabric", () => {
  it.effect("takes a name over from who exposed it before, and serves it", () =>
    Effect.gen(function* () {
      const { connect, expose, keep } = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      const before = yield* Scope.fork(yield* Effect.scope)
      yield* Scope.provide(
        expose(Only, (flow) => flow.send(Uint8Array.of(1))),
        before
      )
      yield* keep(Only, (flow) => flow.send(Uint8Array.of(2)), { standby: true })
      const ask = Effect.scoped(Effect.flatMap(connect(Only), (flow) => flow.receive))
      assert.deepStrictEqual([...(yield* ask)], [1])
      yield* Scope.close(before, Exit.void)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual([...(yield* ask)], [2])
    })
  )
})
