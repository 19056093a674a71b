/** What becomes of a unique endpoint whose name another host owns: in virtual time, on a network in memory. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, References, Scope, Stream, SubscriptionRef } from "effect"
import { TestClock } from "effect/testing"
import {
  type Access,
  Codec,
  Endpoint,
  type Exposure,
  Fabric,
  Grinta,
  MemoryNetwork,
  type NetworkError,
  Registry
} from "../../../src/index.ts"
import * as Cluster from "../gossip/Cluster.ts"

const Only = Endpoint.make("only", { input: Codec.bytes, output: Codec.bytes })

type Host = Context.Context<Fabric | Registry>

/** Hosts by name, which find each other by the first one. */
const hostOf = Effect.fnUntraced(function* (name: string, options: Partial<Grinta.MemoryOptions> = {}) {
  const network = yield* MemoryNetwork.MemoryNetwork
  const services: Host = yield* Layer.build(
    Layer.provide(
      Grinta.layerMemory({ name, seeds: name === "a" ? [] : ["a"], ...options }),
      Layer.succeed(MemoryNetwork.MemoryNetwork, network)
    )
  )
  const lost: Array<string> = []
  const onLost = ({ reason }: NetworkError) => Effect.sync(() => lost.push(reason.message))
  const expose = Effect.fnUntraced(function* (standby: boolean, more: Endpoint.LayerOptions = { onLost }) {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const layer = Only.toLayer((flow) => flow.send(new TextEncoder().encode(name)), { standby, ...more })
    yield* Layer.buildWithScope(Layer.provide(layer, Layer.succeedContext(services)), scope)
    return Scope.close(scope, Exit.void)
  })
  return { services, lost, expose }
})

const owners = (host: { readonly services: Host }) =>
  Effect.map(Context.get(host.services, Registry).resolve("only"), (entries) => entries.map(({ host }) => host.id))

const ask = (host: { readonly services: Host }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const flow = yield* Context.get(host.services, Fabric).connect(Only)
      return new TextDecoder().decode(yield* flow.receive)
    })
  )

/** Runs an effect while virtual time goes on. */
const inTime = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const running = yield* Effect.forkChild(effect, { startImmediately: true })
  while (running.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
  return yield* Fiber.join(running)
})

const taken = 'the name "only" is held by host "a"'

/** Hosts a and b, cut off from each other, that both expose the endpoint, and meet again. */
const reunited = Effect.fnUntraced(function* (standby: boolean, more?: Endpoint.LayerOptions) {
  const network = yield* MemoryNetwork.MemoryNetwork
  const [a, b] = [yield* hostOf("a"), yield* hostOf("b")]
  yield* TestClock.adjust("5 seconds")
  yield* network.cut("a", "b")
  yield* TestClock.adjust("60 seconds")
  const close = yield* a.expose(standby)
  yield* b.expose(standby, more)
  yield* TestClock.adjust("10 seconds")
  assert.deepStrictEqual([yield* owners(a), yield* owners(b)], [["a"], ["b"]])
  yield* network.heal
  yield* TestClock.adjust("2 minutes")
  assert.deepStrictEqual([yield* owners(a), yield* owners(b)], [["a"], ["a"]])
  assert.deepStrictEqual([a.lost, b.lost], [[], more === undefined ? [taken] : []])
  assert.strictEqual(yield* inTime(ask(b)), "a")
  yield* inTime(close)
  yield* TestClock.adjust("3 seconds")
  return { a, b }
})

describe("G19: two halves that both took a unique name", () => {
  it.effect("the loser is told once, and a standby takes over when the winner goes", () =>
    Effect.gen(function* () {
      const { a, b } = yield* reunited(true)
      assert.deepStrictEqual([yield* owners(a), yield* owners(b)], [["b"], ["b"]])
      assert.strictEqual(yield* inTime(ask(a)), "b")
      assert.deepStrictEqual([a.lost, b.lost], [[], [taken]])
    }).pipe(Effect.provide(Cluster.network("standby")))
  )

  it.effect("a loser that is no standby is told once, and stays away", () =>
    Effect.gen(function* () {
      const { a, b } = yield* reunited(false)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([yield* owners(a), yield* owners(b)], [[], []])
      assert.deepStrictEqual([a.lost, b.lost], [[], [taken]])
    }).pipe(Effect.provide(Cluster.network("loser")))
  )
})

describe("what a layer says and does about its endpoint", () => {
  it.effect("a loss that nobody handles is logged with the fabric, the host and the endpoint", () => {
    const found: Array<Readonly<Record<string, unknown>>> = []
    const logger = Logger.make(({ fiber, message }) => {
      if (String(message).startsWith('"only" is not exposed here any more'))
        found.push(fiber.getRef(References.CurrentLogAnnotations))
    })
    return Effect.gen(function* () {
      yield* reunited(false, {})
      assert.deepStrictEqual(found, [{ fabric: "", host: "b", endpoint: "only" }])
    }).pipe(Effect.provide([Cluster.network("logged"), Logger.layer([logger])]))
  })

  const follow = (rules: SubscriptionRef.SubscriptionRef<Access.Allow>, until: Array<string>) => (exposure: Exposure) =>
    SubscriptionRef.changes(rules).pipe(
      Stream.runForEach((rule) => exposure.allow(rule)),
      Effect.onExit(({ _tag }) => Effect.sync(() => until.push(_tag)))
    )
  const isLet = (host: { readonly services: Host }) =>
    Effect.map(Effect.exit(inTime(ask(host))), ({ _tag }) => _tag === "Success")

  it.effect.each([false, true])("its rule can be changed while it serves, also by a standby: %s", (standby) =>
    Effect.gen(function* () {
      const host = yield* hostOf("a")
      const rules = yield* SubscriptionRef.make<Access.Allow>("members")
      const ends: Array<string> = []
      const close = yield* host.expose(standby, { onExposed: follow(rules, ends) })
      assert.isTrue(yield* isLet(host))
      yield* SubscriptionRef.set(rules, { hosts: ["b"] })
      yield* TestClock.adjust("1 second")
      assert.isFalse(yield* isLet(host))
      // What cannot be a rule is logged, and neither ends the endpoint nor changes its rule.
      yield* SubscriptionRef.set(rules, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(ends, ["Failure"])
      assert.isFalse(yield* isLet(host))
      yield* inTime(close)
    }).pipe(Effect.provide(Cluster.network("rules")))
  )

  it.effect("a standby that lost its name has its rule anew when it serves again", () =>
    Effect.gen(function* () {
      const rules = yield* SubscriptionRef.make<Access.Allow>({ hosts: ["b"] })
      const ends: Array<string> = []
      const { a, b } = yield* reunited(true, { onExposed: follow(rules, ends) })
      assert.deepStrictEqual(yield* owners(a), ["b"])
      assert.deepStrictEqual(ends, ["Failure"])
      assert.deepStrictEqual([yield* isLet(a), yield* isLet(b)], [false, true])
    }).pipe(Effect.provide(Cluster.network("anew")))
  )
})

describe("a name that is taken at the start", () => {
  it.effect("fails the layer, or is waited for: one standby after the other takes it, and none loses it", () =>
    Effect.gen(function* () {
      const hosts = yield* Effect.forEach(["a", "b", "c", "d"], (name) => hostOf(name))
      const [a, b] = hosts
      if (a === undefined || b === undefined) return assert.fail("four hosts")
      yield* TestClock.adjust("5 seconds")
      const closers = new Map([["a", yield* a.expose(false)]])
      yield* TestClock.adjust("5 seconds")
      const refused = yield* Effect.flip(b.expose(false))
      assert.strictEqual(refused.reason._tag, "NameTaken")
      for (const [at, name] of ["b", "c", "d"].entries()) closers.set(name, yield* (hosts[at + 1] ?? b).expose(true))
      for (const _ of hosts) {
        const [owner = "none", ...others] = yield* owners(a)
        assert.isEmpty(others)
        for (const host of hosts) assert.deepStrictEqual(yield* owners(host), [owner])
        yield* inTime(closers.get(owner) ?? Effect.die(`${owner} owns the name`))
        closers.delete(owner)
        yield* TestClock.adjust("10 seconds")
      }
      assert.deepStrictEqual([closers.size, yield* owners(a)], [0, []])
      for (const { lost } of hosts) assert.isAtMost(lost.length, 1)
    }).pipe(Effect.provide(Cluster.network("line")))
  )

  it.effect("other reasons fail the layer of a standby too", () =>
    Effect.gen(function* () {
      const a = yield* hostOf("a", { names: { ownBytesMax: 1 } })
      const refused = yield* Effect.flip(a.expose(true))
      assert.strictEqual(refused.reason._tag, "QuotaExceeded")
      yield* inTime(Context.get(a.services, Fabric).leave)
      assert.strictEqual((yield* Effect.flip(a.expose(true))).reason._tag, "FabricClosed")
    }).pipe(Effect.provide(Cluster.network("other")))
  )
})
