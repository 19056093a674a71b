/**
 * What a fabric promises beyond its flows: who owns a name, whom a connect reaches, and a typed reason for all the rest.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  ConfigProvider,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Option,
  Queue,
  Schedule,
  Schema,
  Scope,
  Stream
} from "effect"
import {
  Codec,
  Endpoint,
  type ExposeOptions,
  Fabric,
  FabricLocal,
  type Flow,
  Grinta,
  type Handler,
  MemoryNetwork,
  NetworkError,
  Registry
} from "../../src/index.ts"
import * as Misspelt from "../../src/layers/config/Misspelt.ts"
import * as Runtime from "../../src/layers/config/Runtime.ts"
import * as Variables from "../../src/layers/config/Variables.ts"
import * as Certificates from "./transport/http2/tls/Certificates.ts"

const Who = Endpoint.make("who", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })
const Only = Endpoint.make("only", { input: Codec.bytes, output: Codec.bytes })

type Host = Context.Context<Fabric | Registry>

const fabricOf = (host: Host) => Context.get(host, Fabric)
const registryOf = (host: Host) => Context.get(host, Registry)

/** Hosts on one network in memory, by name. */
const world = Effect.gen(function* () {
  const network = yield* Layer.build(MemoryNetwork.layer())
  const faults = Context.get(network, MemoryNetwork.MemoryNetwork)
  const host = Effect.fnUntraced(function* (name: string, locality = "") {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const services: Host = yield* Layer.buildWithScope(
      Layer.provide(
        Grinta.layerMemory({ name, seeds: name === "a" ? [] : ["a"], locality }),
        Layer.succeedContext(network)
      ),
      scope
    )
    return { services, close: Scope.close(scope, Exit.void) }
  })
  return { host, faults }
})

const eventually = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.retry(effect, Schedule.spaced("20 millis")).pipe(Effect.timeout("20 seconds"))

const owners = (host: Host, name: string, count: number) =>
  eventually(
    Effect.filterOrFail(
      registryOf(host).resolve(name),
      ({ length }) => length === count,
      () => "not yet"
    )
  )

/** Exposes `who` and answers each message with the name of the host. */
const tell = (host: Host, name: string) =>
  fabricOf(host).expose(Who, (flow) =>
    Stream.runForEach(flow.messages, () => flow.send(new TextEncoder().encode(name)))
  )

const ask = (host: Host, options?: Parameters<Fabric["Service"]["connect"]>[1]) =>
  Effect.scoped(
    Effect.gen(function* () {
      const flow = yield* fabricOf(host).connect(Who, options)
      yield* flow.send(Uint8Array.of(1))
      return new TextDecoder().decode(yield* flow.receive)
    })
  )

/** Why an operation failed; what is no NetworkError is named as such. */
const reasonOf = <E extends { readonly _tag: string }>(exit: Exit.Exit<unknown, E>): string => {
  if (Exit.isSuccess(exit)) return "no failure"
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return error instanceof NetworkError ? error.reason._tag : `not a NetworkError: ${exit.cause}`
}

describe("names", () => {
  it.live("a unique name that is taken is refused at once, here and elsewhere", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      yield* fabricOf(a.services).expose(Only, () => Effect.never)
      const again = yield* Effect.exit(Effect.scoped(fabricOf(a.services).expose(Only, () => Effect.never)))
      assert.strictEqual(reasonOf(again), "NameTaken")
      yield* owners(b.services, "only", 1)
      const elsewhere = yield* Effect.exit(Effect.scoped(fabricOf(b.services).expose(Only, () => Effect.never)))
      assert.strictEqual(reasonOf(elsewhere), "NameTaken")
    })
  )

  it.live("a refused claim leaves nothing behind: a standby that tries again takes over", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      yield* fabricOf(a.services).expose(Only, () => Effect.never)
      yield* owners(b.services, "only", 1)
      const standby = yield* Effect.forkChild(
        eventually(fabricOf(b.services).expose(Only, (flow) => flow.send(Uint8Array.of(2))))
      )
      yield* Effect.sleep("100 millis")
      yield* a.close
      yield* Fiber.join(standby)
      const flow = yield* fabricOf(b.services).connect(Only)
      assert.deepStrictEqual([...(yield* flow.receive)], [2])
    })
  )

  it.live("two halves that both took a name: one keeps it, the other is told and stops serving", () =>
    Effect.gen(function* () {
      const { faults, host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      yield* eventually(
        Effect.filterOrFail(
          registryOf(a.services).hosts,
          ({ length }) => length === 2,
          () => "not yet"
        )
      )
      yield* faults.cut("a", "b")
      const first = yield* fabricOf(a.services).expose(Only, () => Effect.never)
      const second = yield* fabricOf(b.services).expose(Only, () => Effect.never)
      yield* faults.heal
      const lost = yield* Effect.raceFirst(
        Effect.as(Effect.flip(first.lost), "a"),
        Effect.as(Effect.flip(second.lost), "b")
      ).pipe(Effect.timeout("25 seconds"))
      assert.strictEqual(lost, "b")
      const left = yield* owners(a.services, "only", 1)
      assert.strictEqual(left[0]?.host.id, "a")
      yield* Effect.scoped(fabricOf(b.services).connect(Only, { timeout: "5 seconds" }))
    })
  )

  it.live("a name goes with the scope of its exposure, everywhere", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const scope = yield* Scope.make()
      yield* Scope.provide(tell(a.services, "a"), scope)
      yield* owners(b.services, "who", 1)
      assert.strictEqual(yield* ask(b.services), "a")
      yield* Scope.close(scope, Exit.void)
      yield* owners(b.services, "who", 0)
      assert.strictEqual(reasonOf(yield* Effect.exit(ask(b.services))), "EndpointNotFound")
    })
  )
})

describe("connect", () => {
  it.live("nearest: this host itself, then the same place", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const a = yield* host("a", "eu/fra")
      const b = yield* host("b", "eu/ams")
      const c = yield* host("c", "us/nyc")
      yield* tell(b.services, "b")
      yield* tell(c.services, "c")
      yield* owners(a.services, "who", 2)
      for (let i = 0; i < 5; i++) assert.strictEqual(yield* ask(a.services), "b")
      yield* tell(a.services, "a")
      for (let i = 0; i < 5; i++) assert.strictEqual(yield* ask(a.services), "a")
      assert.strictEqual(yield* ask(a.services, { select: { host: "c" } }), "c")
      const stranger = yield* Effect.exit(ask(a.services, { select: { host: "nobody" } }))
      assert.strictEqual(reasonOf(stranger), "EndpointNotFound")
    })
  )

  it.live("leastBusy: flows that stay open are level, and follow those that end", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b, c] = [yield* host("a"), yield* host("b"), yield* host("c")]
      for (const { services } of [b, c])
        yield* fabricOf(services).expose(Who, ({ messages }) => Stream.runDrain(messages))
      yield* owners(a.services, "who", 2)
      const open = Effect.fnUntraced(function* () {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const flow = yield* Scope.provide(fabricOf(a.services).connect(Who, { select: "leastBusy" }), scope)
        return { to: flow.peer.id, close: Scope.close(scope, Exit.fail("over")) }
      })
      const held = yield* Effect.replicateEffect(open(), 12)
      const of = (id: string) => held.filter(({ to }) => to === id)
      assert.deepStrictEqual([of("b").length, of("c").length], [6, 6])
      yield* Effect.forEach(of("c"), ({ close }) => close)
      const more = yield* Effect.replicateEffect(open(), 6)
      assert.deepStrictEqual(
        more.map(({ to }) => to),
        ["c", "c", "c", "c", "c", "c"]
      )
    })
  )

  it.live("key: the same owner for the same key, from wherever it is asked", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const hosts = yield* Effect.forEach(["a", "b", "c"], (name) => host(name))
      const names = ["a", "b", "c"]
      for (const [index, { services }] of hosts.entries()) yield* tell(services, names[index] ?? "")
      for (const { services } of hosts) yield* owners(services, "who", 3)
      const chosen = new Set<string>()
      for (let key = 0; key < 12; key++) {
        const answers = yield* Effect.forEach(hosts, ({ services }) => ask(services, { select: { key: `k${key}` } }))
        assert.strictEqual(new Set(answers).size, 1)
        chosen.add(answers[0] ?? "")
      }
      assert.isAbove(chosen.size, 1)
    })
  )

  it.live("an owner that has died and is not known to be dead is passed over", () =>
    Effect.gen(function* () {
      const { faults, host } = yield* world
      const [a, b, c] = [yield* host("a"), yield* host("b"), yield* host("c")]
      yield* tell(b.services, "b")
      yield* tell(c.services, "c")
      yield* owners(a.services, "who", 2)
      yield* faults.kill("b")
      for (let i = 0; i < 8; i++) assert.strictEqual(yield* ask(a.services, { select: "random" }), "c")
    })
  )

  it.live("a host that does not answer is a Timeout", () =>
    Effect.gen(function* () {
      const { faults, host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      yield* tell(b.services, "b")
      yield* owners(a.services, "who", 1)
      yield* faults.cut("a", "b")
      assert.strictEqual(reasonOf(yield* Effect.exit(ask(a.services, { timeout: "300 millis" }))), "Timeout")
    })
  )

  it.live("a contract that either side declares compatible is spoken, another is refused", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const output = Schema.String
      const Old = Endpoint.make("shop", { input: Schema.Struct({ sku: Schema.String }), output })
      const amount = Schema.optionalKey(Schema.Number)
      const input = Schema.Struct({ sku: Schema.String, amount })
      const New = Endpoint.make("shop", { input, output, compatibleWith: [Old] })
      const Strict = Endpoint.make("shop", { input, output })
      const Else = Endpoint.make("shop", { input: Schema.Number, output })
      const sell = (flow: Flow<string, { readonly sku: string; readonly amount?: number }>) =>
        Stream.runForEach(flow.messages, ({ amount = 1, sku }) => flow.send(`${amount} ${sku}`))
      const buy = <In extends { readonly sku: string }>(contract: Endpoint.Endpoint<In, string>, order: In) =>
        Effect.scoped(
          Effect.gen(function* () {
            const flow = yield* fabricOf(b.services).connect(contract)
            yield* flow.send(order)
            return yield* flow.receive
          })
        )
      const serving = <In>(contract: Endpoint.Endpoint<In, string>, handler: Handler<In, string, never, never>) =>
        Effect.gen(function* () {
          const scope = yield* Scope.fork(yield* Effect.scope)
          yield* Scope.provide(fabricOf(a.services).expose(contract, handler), scope)
          yield* eventually(
            Effect.filterOrFail(
              registryOf(b.services).resolve("shop"),
              ([entry]) => entry?.contract === contract.fingerprint,
              () => "not yet"
            )
          )
          return Scope.close(scope, Exit.void)
        })
      const stop = yield* serving(New, sell)
      assert.strictEqual(yield* buy(Old, { sku: "tea" }), "1 tea")
      assert.strictEqual(yield* buy(New, { sku: "tea", amount: 2 }), "2 tea")
      const elsewhere = fabricOf(b.services).connect(Else)
      assert.strictEqual(reasonOf(yield* Effect.exit(Effect.scoped(elsewhere))), "Incompatible")
      yield* stop
      yield* serving(Old, sell)
      assert.strictEqual(yield* buy(New, { sku: "tea", amount: 2 }), "1 tea")
      assert.strictEqual(reasonOf(yield* Effect.exit(buy(Strict, { sku: "tea" }))), "Incompatible")
    })
  )

  it.live("a deadline bounds the flow, and the opening of it", () =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      yield* fabric.expose(Only, () => Effect.never, { concurrency: 1 })
      const flow = yield* fabric.connect(Only, { deadline: "100 millis" })
      const unserved = yield* Effect.exit(Effect.scoped(fabric.connect(Only, { deadline: "50 millis" })))
      assert.strictEqual(reasonOf(unserved), "Timeout")
      const error = yield* Effect.flip(Effect.timeout(flow.receive, "10 seconds"))
      assert.strictEqual(error._tag === "FlowError" ? error.reason._tag : error, "DeadlineExceeded")
      const invalid = yield* Effect.exit(fabric.connect(Only, { deadline: "-1 second" }))
      assert.strictEqual(reasonOf(invalid), "InvalidConfig")
    })
  )

  it.live("connectEach: a flow to each owner, now and as owners come", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b, c] = [yield* host("a"), yield* host("b"), yield* host("c")]
      yield* tell(b.services, "b")
      yield* owners(a.services, "who", 1)
      const peers = yield* Queue.unbounded<string>()
      const running = yield* Effect.forkChild(
        Stream.runForEach(fabricOf(a.services).connectEach(Who), ({ host }) => Queue.offer(peers, host.id))
      )
      assert.strictEqual(yield* Effect.timeout(Queue.take(peers), "10 seconds"), "b")
      yield* tell(c.services, "c")
      assert.strictEqual(yield* Effect.timeout(Queue.take(peers), "10 seconds"), "c")
      yield* Fiber.interrupt(running)
    })
  )
})

describe("a caller that goes", () => {
  /** Takes its time before it keeps what came. */
  const slowKeeper = (kept: Array<number>) => (host: Host) =>
    fabricOf(host).expose(Only, (flow) =>
      Stream.runForEach(flow.messages, ([value = -1]) =>
        Effect.andThen(
          Effect.sleep("10 millis"),
          Effect.sync(() => kept.push(value))
        )
      )
    )

  for (const where of ["another host", "its own host"] as const) {
    it.live(`after its end, in good order: all that it sent arrives (${where})`, () =>
      Effect.gen(function* () {
        const { host } = yield* world
        const [a, b] = [yield* host("a"), yield* host("b")]
        const kept: Array<number> = []
        yield* slowKeeper(kept)(where === "another host" ? b.services : a.services)
        yield* owners(a.services, "only", 1)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const flow = yield* fabricOf(a.services).connect(Only)
            yield* flow.sendAll([1, 2, 3, 4, 5].map((value) => Uint8Array.of(value)))
            yield* flow.end
          })
        )
        yield* eventually(
          Effect.filterOrFail(
            Effect.sync(() => kept),
            ({ length }) => length === 5,
            () => "not yet"
          )
        )
        assert.deepStrictEqual(kept, [1, 2, 3, 4, 5])
      })
    )
  }

  it.live("after its end, and then closes its host: all that it sent still arrives", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const kept: Array<number> = []
      yield* slowKeeper(kept)(a.services)
      yield* owners(b.services, "only", 1)
      const flow = fabricOf(b.services).connect(Only)
      yield* Effect.scoped(Effect.flatMap(flow, ({ end, send }) => Effect.andThen(send(Uint8Array.of(7)), end)))
      yield* b.close
      assert.deepStrictEqual(kept, [7])
    })
  )

  it.live("from an endpoint that never stops: it is told within what a buffer holds", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const ended = yield* Deferred.make<string>()
      yield* fabricOf(b.services).expose(Only, (flow) =>
        Effect.forever(flow.send(new Uint8Array(1000))).pipe(
          Effect.tapError((error) => Deferred.succeed(ended, error.reason._tag))
        )
      )
      yield* owners(a.services, "only", 1)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const flow = yield* fabricOf(a.services).connect(Only)
          yield* flow.end
          yield* flow.receive
        })
      )
      assert.strictEqual(yield* Effect.timeout(Deferred.await(ended), "4 seconds"), "FlowReset")
    })
  )
})

describe("waiting for an owner", () => {
  it.live("connect waits for a name that is not there yet, and no longer than its timeout", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      assert.strictEqual(reasonOf(yield* Effect.exit(ask(a.services))), "EndpointNotFound")
      const asking = yield* Effect.forkChild(ask(a.services, { wait: true }), { startImmediately: true })
      yield* Effect.sleep("100 millis")
      yield* tell(b.services, "b")
      assert.strictEqual(yield* Effect.timeout(Fiber.join(asking), "20 seconds"), "b")
      const never = fabricOf(a.services).connect(Only, { wait: true, timeout: "100 millis" })
      assert.strictEqual(reasonOf(yield* Effect.exit(Effect.scoped(never))), "Timeout")
    })
  )
})

describe("leaving and closing", () => {
  it.live("a host that has left answers FabricClosed, and its names are gone", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      yield* tell(b.services, "b")
      yield* owners(a.services, "who", 1)
      yield* fabricOf(b.services).leave
      yield* owners(a.services, "who", 0)
      assert.strictEqual(reasonOf(yield* Effect.exit(ask(b.services))), "FabricClosed")
      const exposed = yield* Effect.exit(Effect.scoped(fabricOf(b.services).expose(Only, () => Effect.never)))
      assert.strictEqual(reasonOf(exposed), "FabricClosed")
    })
  )

  it.live("a host that closes before its endpoints gives their callers the same time to finish", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const asked = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const slow: Handler<Uint8Array, Uint8Array, never, never> = (flow) =>
        Stream.runForEach(flow.messages, (message) =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(Deferred.await(go)),
            Effect.andThen(flow.send(message))
          )
        )
      // Both in this scope, which outlives the host.
      yield* fabricOf(a.services).expose(Who, slow, { drain: "20 seconds" })
      yield* fabricOf(a.services).expose(Only, () => Effect.never, { drain: "20 seconds" })
      yield* owners(b.services, "who", 1)
      const flow = yield* fabricOf(b.services).connect(Who)
      yield* flow.send(Uint8Array.of(7))
      yield* Deferred.await(asked)
      const closing = yield* Effect.forkChild(a.close, { startImmediately: true })
      yield* Effect.timeout(flow.draining, "10 seconds")
      yield* owners(b.services, "who", 0)
      yield* Deferred.succeed(go, undefined)
      yield* flow.end
      assert.deepStrictEqual(yield* Stream.runCollect(flow.messages), [Uint8Array.of(7)])
      yield* Effect.timeout(Fiber.join(closing), "10 seconds")
    })
  )

  it.live("the scope of an endpoint waits for the drain that its host has begun", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const go = yield* Deferred.make<void>()
      let isHeld = true
      const uses: Array<boolean> = []
      const scope = yield* Scope.fork(yield* Effect.scope)
      yield* Scope.addFinalizer(
        scope,
        Effect.sync(() => {
          isHeld = false
        })
      )
      const using = fabricOf(a.services).expose(
        Who,
        (flow) =>
          Effect.andThen(flow.draining, Deferred.await(go)).pipe(Effect.andThen(Effect.sync(() => uses.push(isHeld)))),
        { drain: "20 seconds" }
      )
      yield* Scope.provide(using, scope)
      yield* owners(b.services, "who", 1)
      const flow = yield* fabricOf(b.services).connect(Who)
      const closing = yield* Effect.forkChild(a.close, { startImmediately: true })
      yield* Effect.timeout(flow.draining, "10 seconds")
      const leaving = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* Effect.sleep("50 millis")
      assert.isUndefined(leaving.pollUnsafe())
      yield* Deferred.succeed(go, undefined)
      yield* Effect.timeout(Fiber.join(leaving), "10 seconds")
      yield* Effect.timeout(Fiber.join(closing), "10 seconds")
      assert.deepStrictEqual(uses, [true])
    })
  )

  it.live("endpoints of one scope are withdrawn together", () =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      const scope = yield* Scope.fork(yield* Effect.scope)
      const told = yield* Effect.forEach([Who, Only], () => Deferred.make<void>())
      const all = Effect.forEach(told, Deferred.await, { discard: true })
      for (const [i, endpoint] of [Who, Only].entries()) {
        const say = told[i] === undefined ? Effect.void : Deferred.succeed(told[i], undefined)
        const waiting: Handler<Uint8Array, Uint8Array, never, never> = (flow) =>
          flow.draining.pipe(Effect.andThen(say), Effect.andThen(all))
        yield* Scope.provide(fabric.expose(endpoint, waiting, { drain: "60 seconds" }), scope)
        yield* fabric.connect(endpoint)
      }
      yield* Effect.timeout(Scope.close(scope, Exit.void), "20 seconds")
    })
  )

  it.live("a connect that waits in the backlog of its own host has started nothing when its time is over", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const a = yield* host("a")
      yield* fabricOf(a.services).expose(Only, () => Effect.never, { concurrency: 1 })
      yield* fabricOf(a.services).connect(Only)
      const error = yield* Effect.flip(fabricOf(a.services).connect(Only, { timeout: "50 millis" }))
      assert.deepStrictEqual([error.reason._tag, error.delivered], ["Timeout", "no"])
    })
  )

  it.live.each(["nonsense", Number.NaN, "-1 second"] as const)("a timeout or deadline of %s is no time", (given) =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      for (const setting of ["timeout", "deadline"] as const) {
        // As a program without types passes it.
        const options: object = { [setting]: given }
        const error = yield* Effect.flip(fabric.connect(Only, options))
        assert.isTrue(error.reason._tag === "InvalidConfig" && error.reason.setting === setting, error.message)
      }
    })
  )

  it.live("a handler that cannot be interrupted holds up no host that closes", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const started = yield* Deferred.make<void>()
      const stubborn = () => Effect.uninterruptible(Effect.andThen(Deferred.succeed(started, undefined), Effect.never))
      for (const endpoint of [Who, Only])
        yield* fabricOf(a.services).expose(endpoint, stubborn, { drain: "100 millis" })
      yield* owners(b.services, "who", 1)
      yield* fabricOf(a.services).connect(Who)
      const flow = yield* fabricOf(b.services).connect(Who)
      yield* Deferred.await(started)
      yield* Effect.timeout(a.close, "10 seconds")
      const error = yield* Effect.flip(Effect.timeout(flow.receive, "10 seconds"))
      assert.strictEqual(error._tag === "FlowError" ? error.reason._tag : error, "FlowReset")
    })
  )

  it.live("what a handler opens ends with the deadline of its flow, unless it says otherwise", () =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      const ended = yield* Queue.unbounded<string>()
      yield* fabric.expose(Only, (flow) =>
        Effect.ignore(Stream.runDrain(flow.messages)).pipe(
          Effect.onExit((exit) => Queue.offer(ended, Exit.isSuccess(exit) ? "ended" : "interrupted"))
        )
      )
      const nested = yield* Queue.unbounded<string>()
      yield* fabric.expose(Who, () =>
        Effect.gen(function* () {
          const bound = yield* fabric.connect(Only)
          const longer = yield* fabric.connect(Only, { deadline: "1 hour" })
          const free = yield* fabric.connect(Only, { deadline: Duration.infinity })
          for (const flow of [bound, longer]) {
            const error = yield* Effect.flip(flow.receive)
            yield* Queue.offer(nested, error._tag === "FlowError" ? error.reason._tag : error._tag)
          }
          yield* free.end
          yield* Stream.runDrain(free.messages)
          yield* Queue.offer(nested, "free")
        }).pipe(Effect.orDie)
      )
      yield* fabric.connect(Who, { deadline: "200 millis" })
      const heard = yield* Effect.timeout(Queue.takeN(nested, 3), "10 seconds")
      assert.deepStrictEqual(heard, ["DeadlineExceeded", "DeadlineExceeded", "free"])
    })
  )

  it.live("a path that no Open can say is refused before anybody is dialled", () =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      for (const path of [Array.from({ length: 9 }, (_, i) => `h${i}`), ["a b"], ["x".repeat(129)]])
        assert.strictEqual(reasonOf(yield* Effect.exit(fabric.connect(Only, { path }))), "InvalidConfig")
    })
  )

  /** Two hosts, and a flow from b to an endpoint of a that answers each message; `close` ends the exposure. */
  const drained = (drain: Duration.Input) =>
    Effect.gen(function* () {
      const { host } = yield* world
      const a = yield* host("a")
      const b = yield* host("b")
      const scope = yield* Scope.fork(yield* Effect.scope)
      const serve = Who.toLayer((flow) => Stream.runForEach(flow.messages, flow.send), { drain })
      yield* Layer.buildWithScope(Layer.provide(serve, Layer.succeedContext(a.services)), scope)
      yield* owners(b.services, "who", 1)
      const flow = yield* fabricOf(b.services).connect(Who)
      yield* flow.send(Uint8Array.of(1))
      yield* flow.receive
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* owners(b.services, "who", 0)
      return { b, closing, flow }
    })

  it.live("an endpoint that closes is withdrawn, and its flows may finish", () =>
    Effect.gen(function* () {
      const { b, closing, flow } = yield* drained("20 seconds")
      assert.strictEqual(reasonOf(yield* Effect.exit(fabricOf(b.services).connect(Who))), "EndpointNotFound")
      yield* flow.send(Uint8Array.of(2))
      assert.deepStrictEqual([...(yield* flow.receive)], [2])
      yield* flow.end
      assert.deepStrictEqual(yield* Stream.runCollect(flow.messages), [])
      yield* Effect.timeout(Fiber.join(closing), "10 seconds")
    })
  )

  it.live("flows that do not finish in time are ended", () =>
    Effect.gen(function* () {
      const { closing, flow } = yield* drained("50 millis")
      const error = yield* Effect.flip(Effect.timeout(flow.receive, "10 seconds"))
      assert.strictEqual(error._tag === "FlowError" ? error.reason._tag : error, "FlowReset")
      yield* Effect.timeout(Fiber.join(closing), "10 seconds")
    })
  )

  it.live("the flows of a host that closes end with a typed error", () =>
    Effect.gen(function* () {
      const { host } = yield* world
      const [a, b] = [yield* host("a"), yield* host("b")]
      const serving = yield* Deferred.make<void>()
      yield* Effect.provideContext(
        fabricOf(b.services).expose(Only, () => Effect.andThen(Deferred.succeed(serving, undefined), Effect.never)),
        b.services
      )
      yield* owners(a.services, "only", 1)
      const flow = yield* fabricOf(a.services).connect(Only)
      yield* Deferred.await(serving)
      yield* b.close
      const error = yield* Effect.flip(flow.receive).pipe(Effect.timeout("10 seconds"))
      assert.isTrue(error._tag === "FlowError" && ["FlowReset", "PeerLost"].includes(error.reason._tag))
    })
  )
})

describe("bad input", () => {
  it.live("bounds of an endpoint that are none: InvalidConfig", () =>
    Effect.gen(function* () {
      const fabric = Context.get(yield* Layer.build(FabricLocal.layer()), Fabric)
      const wrong: ReadonlyArray<ExposeOptions> = [
        { concurrency: 0 },
        { concurrency: 1.5 },
        { concurrency: Number.NaN },
        { backlog: -1 },
        { backlog: Number.POSITIVE_INFINITY },
        { drain: "-1 second" },
        { drain: Number.POSITIVE_INFINITY }
      ]
      for (const options of wrong) {
        const exit = yield* Effect.exit(Effect.scoped(fabric.expose(Only, () => Effect.void, options)))
        assert.strictEqual(reasonOf(exit), "InvalidConfig", JSON.stringify(options))
      }
      yield* fabric.expose(Only, () => Effect.void, { concurrency: 1, backlog: 0, drain: 0 })
    })
  )

  it.live("names that are none, seeds that are none", () =>
    Effect.gen(function* () {
      const local = yield* Layer.build(FabricLocal.layer())
      const fabric = fabricOf(local)
      for (const name of ["", "..", "a..b", "x".repeat(129), "ä", "a b", "a/b", ".a", "a.", "a\u0000"]) {
        const endpoint = Endpoint.make(name, { input: Codec.bytes, output: Codec.bytes })
        assert.strictEqual(
          reasonOf(yield* Effect.exit(Effect.scoped(fabric.expose(endpoint, () => Effect.void)))),
          "NameInvalid"
        )
        assert.strictEqual(reasonOf(yield* Effect.exit(Effect.scoped(fabric.connect(endpoint)))), "NameInvalid")
      }
      assert.strictEqual(reasonOf(yield* Effect.exit(fabric.join(["127.0.0.1:1"]))), "JoinFailed")
      const { host } = yield* world
      const { services } = yield* host("a")
      assert.strictEqual(reasonOf(yield* Effect.exit(fabricOf(services).join(["nobody"]))), "JoinFailed")
      assert.strictEqual(reasonOf(yield* Effect.exit(fabricOf(services).join(["a:b:c:d"]))), "InvalidConfig")
    })
  )

  const refused: ReadonlyArray<readonly [string, Grinta.Options, string]> = [
    ["a name that is none", { name: "not a name" }, "NameInvalid"],
    ["a port that is none", { listen: { gossipPort: 70_000 } }, "InvalidConfig"],
    ["a fraction of a port", { listen: { flowPort: 1.5 } }, "InvalidConfig"],
    ["a host that is no address", { listen: { host: "nowhere" } }, "InvalidConfig"],
    ["an address of another machine", { listen: { host: "192.0.2.1" }, insecure: true }, "InvalidConfig"],
    ["beyond loopback without a word", { listen: { host: "0.0.0.0" } }, "InvalidConfig"],
    ["an advertised name", { advertise: "example", listen: { gossipPort: 1 } }, "InvalidConfig"],
    ["a fabric of too long a name", { fabric: "x".repeat(256) }, "InvalidConfig"],
    ["a seed that is none", { seeds: ["a:b:c:d"] }, "InvalidConfig"],
    ["tags that do not fit", { tags: { a: "x".repeat(600) } }, "InvalidConfig"],
    ["a key that is none", { keys: ["AAAA"] }, "InvalidConfig"],
    ["R8: bytes of names that are no number", { names: { ownBytesMax: Number.NaN } }, "InvalidConfig"]
  ]
  for (const [what, options, reason] of refused) {
    it.live(`${what}: ${reason} when the layer is built`, () =>
      Effect.gen(function* () {
        const ports = { gossipPort: 0, flowPort: 0 }
        const layer = Grinta.layer({ name: "tester", ...options, listen: { ...ports, ...options.listen } })
        assert.strictEqual(reasonOf(yield* Effect.exit(Effect.scoped(Layer.build(layer)))), reason)
      })
    )
  }
})

describe("what TLS needs", () => {
  const { authorities, certificate, key } = Certificates.make("an authority").issue("h")
  const named = ["GRINTA_TLS_CERTIFICATE", "GRINTA_TLS_KEY", "GRINTA_TLS_AUTHORITIES"]

  it.live("is read from the files that the environment names, all of them or none", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "grinta-"))),
        (made) => Effect.promise(() => rm(made, { recursive: true }))
      )
      const paths = named.map((name) => join(folder, name))
      for (const [i, content] of [certificate, key, authorities].entries())
        yield* Effect.promise(() => writeFile(paths[i] ?? "", content))
      const start = (env: Record<string, string>, name = "h") => {
        const layer = Grinta.layer({ name, listen: { gossipPort: 0, flowPort: 0 } })
        return Layer.build(Layer.provide(layer, ConfigProvider.layer(ConfigProvider.fromUnknown(env)))).pipe(
          Effect.scoped,
          Effect.exit
        )
      }
      const env = Object.fromEntries(named.map((name, i) => [name, paths[i] ?? ""]))
      assert.isTrue(Exit.isSuccess(yield* start(env)))
      assert.include(String(yield* start(env, "other")), "must name this host by URI:grinta:///other")
      const { GRINTA_TLS_KEY: _, ...two } = env
      assert.include(String(yield* start(two)), "GRINTA_TLS_KEY: TLS needs GRINTA_TLS_CERTIFICATE, GRINTA_TLS_KEY,")
      const lost = yield* start({ ...env, GRINTA_TLS_KEY: join(folder, "nothing") })
      assert.include(String(lost), "GRINTA_TLS_KEY: the file cannot be read: ENOENT")
    })
  )
})

describe("the budget of names", () => {
  it.live("is read from the environment where it is not passed, and reaches the registry", () =>
    Effect.gen(function* () {
      const ports = { gossipPort: 0, flowPort: 0 }
      const expose = Effect.fnUntraced(function* (env: Record<string, string>, options: Grinta.Options = {}) {
        const layer = Grinta.layer({ name: "h", listen: ports, ...options })
        const host = yield* Layer.build(Layer.provide(layer, ConfigProvider.layer(ConfigProvider.fromUnknown(env))))
        return yield* fabricOf(host).expose(Only, () => Effect.never)
      }, Effect.scoped)
      const error = yield* Effect.flip(expose({ GRINTA_NAMES_BYTES: "44" }))
      assert.include(error.message, "bytes of name records of one host is limited to 44")
      yield* expose({ GRINTA_NAMES_BYTES: "45" })
      yield* expose({ GRINTA_NAMES_BYTES: "44" }, { names: { ownBytesMax: 45 } })
      const wrong = yield* Effect.flip(expose({ GRINTA_FABRIC_NAMES_BYTES: "0" }))
      assert.strictEqual(wrong.reason._tag, "InvalidConfig")
    })
  )
})

describe("what runs a host", () => {
  it("is Node; another runtime is named with what it says that it is like", () => {
    assert.isUndefined(Runtime.doubt({ node: "24.18.1" }))
    assert.include(Runtime.doubt({ node: "24.18.0" }), "this is Node 24.18.0; a host is made for Node, and the oldest")
    const bun = Runtime.doubt({ node: "26.9.0", bun: "1.4.2" })
    assert.include(bun, "this is Bun 1.4.2, which says that it is like Node 26.9.0; a host is made for Node")
    assert.include(Runtime.doubt({ node: "24.2.0", deno: "2.6.0" }), "this is Deno 2.6.0, which says")
  })
})

describe("variables that a host does not read", () => {
  const linesOf = Effect.fnUntraced(function* (provider: ConfigProvider.ConfigProvider) {
    const lines: Array<string> = []
    const logger = Logger.layer([
      Logger.make(({ logLevel, message }) => void (logLevel === "Warn" && lines.push(String(message))))
    ])
    const layer = Grinta.layer({ name: "h", listen: { gossipPort: 0, flowPort: 0 } })
    yield* Effect.scoped(Layer.build(Layer.provide(layer, [ConfigProvider.layer(provider), logger])))
    return lines
  })
  const wrong = { GRINTA_SEED: "a", GRINTA_GOSIP_PORT: "1", GRINTA_WHATEVER_ELSE: "2" }
  const right = { GRINTA_NAME: "h", GRINTA_NAMES_BYTES: "100", GRINTA: "x", OTHER_SEED: "b" }

  it.live.each([
    ["an environment", ConfigProvider.fromEnv({ env: { ...wrong, ...right } })],
    ["any configuration", ConfigProvider.fromUnknown({ ...wrong, ...right })]
  ] as const)("are told with the name that was meant, in %s", ([, provider]) =>
    Effect.gen(function* () {
      const lines = yield* linesOf(provider)
      assert.sameMembers(lines, [
        "no host reads GRINTA_SEED: GRINTA_SEEDS was meant?",
        "no host reads GRINTA_GOSIP_PORT: GRINTA_GOSSIP_PORT was meant?",
        "no host reads GRINTA_WHATEVER_ELSE"
      ])
    })
  )

  it("each variable that is read is its own nearest", () => {
    for (const variable of Variables.names) assert.strictEqual(Misspelt.nearest(variable), variable)
  })
})

describe("the floor of Node", () => {
  it("is the releases with the fixes, line by line", () => {
    for (const version of ["22.23.2", "22.24.0", "24.18.1", "24.21.0", "26.5.1", "27.0.0"])
      assert.isTrue(Grinta.isSupportedNode(version), version)
    for (const version of ["20.20.2", "22.23.1", "23.99.0", "24.18.0", "25.9.0", "26.5.0", "junk"])
      assert.isFalse(Grinta.isSupportedNode(version), version)
  })
})
