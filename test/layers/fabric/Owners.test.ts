/**
 * Connecting where owners are silent, busy, gone or broken: whole hosts on a network in memory, in virtual time.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Queue, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  Codec,
  Endpoint,
  Fabric,
  type Flow,
  Grinta,
  MemoryNetwork,
  type NetworkError,
  Registry
} from "../../../src/index.ts"

const Who = Endpoint.make("who", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

type Host = Context.Context<Fabric | Registry>

const fabricOf = (host: Host) => Context.get(host, Fabric)

/** Lets time pass until something is done; what came of it, and how many milliseconds that took. */
const inTime = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>, withinMillis = 60_000) {
  const running = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
  let millis = 0
  while (running.pollUnsafe() === undefined && millis < withinMillis) {
    yield* TestClock.adjust("5 millis")
    millis += 5
  }
  if (running.pollUnsafe() === undefined) return assert.fail(`not over within ${withinMillis} ms`)
  return { exit: yield* Fiber.join(running), millis }
})

const succeed = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>, withinMillis?: number) {
  const { exit } = yield* inTime(effect, withinMillis)
  return Exit.isSuccess(exit) ? exit.value : assert.fail(`${exit.cause}`)
})

/** A body whose hosts close in virtual time, too: what still runs there is given some. */
const inWorld = <A, E>(body: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const exit = yield* Effect.exit(Scope.provide(body, scope))
    yield* inTime(Scope.close(scope, exit))
    return yield* exit
  })

/** Hosts on one network in memory, by name. */
const world = Effect.gen(function* () {
  const network = yield* Layer.build(MemoryNetwork.layer())
  const faults = Context.get(network, MemoryNetwork.MemoryNetwork)
  const host = Effect.fnUntraced(function* (name: string, locality = "") {
    const layer = Grinta.layerMemory({ name, seeds: name === "a" ? [] : ["a"], locality })
    const services: Host = yield* succeed(Layer.build(Layer.provide(layer, Layer.succeedContext(network))))
    return services
  })
  return { host, faults }
})

const owners = (host: Host, count: number) =>
  succeed(
    Effect.repeat(Effect.delay(Context.get(host, Registry).resolve("who"), "10 millis"), {
      until: ({ length }) => length === count
    })
  )

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

/** The error of a connect. */
const failing = <A>(effect: Effect.Effect<A, NetworkError, Scope.Scope>) => succeed(Effect.flip(Effect.scoped(effect)))

describe("a connect", () => {
  for (const silent of [["b"], ["b", "c"]] as const)
    it.effect(`whose ${silent.length} nearest are silent costs a fraction of a second once, and then nothing`, () =>
      inWorld(
        Effect.gen(function* () {
          const { faults, host } = yield* world
          const a = yield* host("a", "eu/fra")
          for (const name of silent) yield* tell(yield* host(name, "eu/fra"), name)
          yield* tell(yield* host("d", "us"), "d")
          yield* owners(a, silent.length + 1)
          for (const name of silent) yield* faults.cut("a", name)
          const first = yield* inTime(ask(a))
          assert.deepStrictEqual(first.exit, Exit.succeed("d"))
          assert.isAtMost(first.millis, 300 * silent.length)
          const second = yield* inTime(ask(a))
          assert.deepStrictEqual(second.exit, Exit.succeed("d"))
          assert.isAtMost(second.millis, 50)
          yield* faults.heal
          yield* TestClock.adjust("1 second")
          assert.include(silent, yield* succeed(ask(a)))
        })
      )
    )

  it.effect("goes to the caller's own host when the one that chance or a key picks is silent", () =>
    inWorld(
      Effect.gen(function* () {
        const { faults, host } = yield* world
        const a = yield* host("a")
        yield* tell(a, "a")
        yield* tell(yield* host("b"), "b")
        yield* owners(a, 2)
        yield* faults.cut("a", "b")
        for (let key = 0; key < 8; key++) {
          const { exit, millis } = yield* inTime(ask(a, { select: { key: `${key}` } }))
          assert.deepStrictEqual(exit, Exit.succeed("a"))
          assert.isAtMost(millis, 1_100)
        }
      })
    )
  )

  it.effect("names the endpoint and what was tried, when its time is over", () =>
    inWorld(
      Effect.gen(function* () {
        const { faults, host } = yield* world
        const [a, b] = [yield* host("a"), yield* host("b")]
        const nobody = yield* failing(fabricOf(a).connect(Who, { wait: true, timeout: "2 seconds" }))
        assert.strictEqual(nobody.message, 'connect: no answer for "who" within 2000 ms')
        yield* tell(b, "b")
        yield* owners(a, 1)
        yield* faults.cut("a", "b")
        const silent = yield* failing(fabricOf(a).connect(Who, { timeout: "300 millis" }))
        assert.strictEqual(silent.message, 'connect: no answer for "who" within 300 ms; tried "b" (asked, no answer)')
      })
    )
  )

  it.effect("of owners that all are silent ends within the bound of one, and says what came of each", () =>
    inWorld(
      Effect.gen(function* () {
        const { faults, host } = yield* world
        const a = yield* host("a")
        for (const name of ["b", "c", "d"]) yield* tell(yield* host(name), name)
        yield* owners(a, 3)
        for (const name of ["b", "c", "d"]) yield* faults.cut("a", name)
        const { exit, millis } = yield* inTime(Effect.flip(ask(a, { timeout: "1 minute" })))
        assert.isAtMost(millis, 6_000)
        const error = Exit.isSuccess(exit) && exit.value._tag === "NetworkError" ? exit.value : assert.fail(`${exit}`)
        assert.deepStrictEqual([...(error.tried ?? [])].map(({ host }) => host).sort(), ["b", "c", "d"])
      })
    )
  )
})

describe("a connect that waits", () => {
  it.effect("outlives a withdrawal that its host has not heard of", () =>
    inWorld(
      Effect.gen(function* () {
        const { host } = yield* world
        const [a, b] = [yield* host("a"), yield* host("b")]
        const scope = yield* Scope.make()
        yield* Scope.provide(tell(b, "first"), scope)
        yield* owners(a, 1)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Context.get(a, Registry).resolve("who")).length, 1)
        yield* Effect.forkScoped(Effect.delay(tell(b, "second"), "1 second"))
        const { exit, millis } = yield* inTime(ask(a, { wait: true }))
        assert.deepStrictEqual(exit, Exit.succeed("second"))
        assert.isAtMost(millis, 2_500)
      })
    )
  )

  it.effect("outlives an owner that is busy for a while", () =>
    inWorld(
      Effect.gen(function* () {
        const { host } = yield* world
        const [a, b] = [yield* host("a"), yield* host("b")]
        yield* fabricOf(b).expose(Who, (flow) => Stream.runForEach(flow.messages, flow.send), {
          concurrency: 1,
          backlog: 0
        })
        yield* owners(a, 1)
        const scope = yield* Scope.make()
        yield* succeed(Scope.provide(fabricOf(a).connect(Who), scope))
        yield* Effect.forkScoped(Effect.delay(Scope.close(scope, Exit.void), "3 seconds"))
        const { exit, millis } = yield* inTime(ask(a, { wait: true }))
        assert.isTrue(Exit.isSuccess(exit), String(exit))
        assert.isAtMost(millis, 4_200)
      })
    )
  )

  it.effect("does not wait for what waiting does not mend", () =>
    inWorld(
      Effect.gen(function* () {
        const { host } = yield* world
        const [a, b] = [yield* host("a"), yield* host("b")]
        yield* tell(b, "b")
        yield* owners(a, 1)
        const Else = Endpoint.make("who", { input: Codec.json, output: Codec.bytes, ownership: "group" })
        const { exit, millis } = yield* inTime(Effect.flip(Effect.scoped(fabricOf(a).connect(Else, { wait: true }))))
        assert.strictEqual(Exit.isSuccess(exit) && exit.value.reason._tag, "Incompatible")
        assert.isAtMost(millis, 100)
      })
    )
  )
})

type Bytes = Flow<Uint8Array, Uint8Array>

/** What `connectEach` gives at a host, as it comes. */
const eachOf = Effect.fnUntraced(function* (host: Host) {
  const flows = yield* Queue.unbounded<Bytes>()
  const errors = yield* Queue.unbounded<readonly [string, NetworkError]>()
  yield* fabricOf(host)
    .connectEach(Who)
    .pipe(
      Stream.runForEach((each) =>
        each._tag === "Opened" ? Queue.offer(flows, each.flow) : Queue.offer(errors, [each.host.id, each.error])
      ),
      Effect.forkScoped
    )
  return { flows, errors }
})

describe("connectEach", () => {
  it.effect("opens a flow anew that broke while its owner is there, and lets the broken one be read", () =>
    inWorld(
      Effect.gen(function* () {
        const { host } = yield* world
        const [a, b] = [yield* host("a"), yield* host("b")]
        let served = 0
        yield* fabricOf(b).expose(Who, (flow) => {
          served += 1
          const first = flow.send(Uint8Array.of(served))
          return served < 3
            ? Effect.andThen(first, Effect.die("a bug that shows twice"))
            : Effect.andThen(first, Effect.never)
        })
        const { flows } = yield* eachOf(a)
        const all = [
          yield* succeed(Queue.take(flows)),
          yield* succeed(Queue.take(flows)),
          yield* succeed(Queue.take(flows))
        ]
        const [, second, third] = all
        if (second === undefined || third === undefined) return assert.fail("no flow")
        assert.deepStrictEqual([...(yield* succeed(second.receive))], [2])
        const error = yield* succeed(Effect.flip(second.receive))
        assert.strictEqual(error._tag === "FlowError" ? error.reason._tag : error, "FlowReset")
        assert.deepStrictEqual([...(yield* succeed(third.receive))], [3])
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(served, 3)
      })
    )
  )

  it.effect("pauses longer from time to time when each flow breaks", () =>
    inWorld(
      Effect.gen(function* () {
        const { host } = yield* world
        const [a, b] = [yield* host("a"), yield* host("b")]
        let served = 0
        yield* fabricOf(b).expose(Who, () => {
          served += 1
          return Effect.die("a bug that shows always")
        })
        yield* eachOf(a)
        yield* TestClock.adjust("60 seconds")
        assert.isAbove(served, 10)
        assert.isBelow(served, 30)
      })
    )
  )

  it.effect("does not open a flow anew that its owner has ended in good order", () =>
    inWorld(
      Effect.gen(function* () {
        const { host } = yield* world
        const [a, b] = [yield* host("a"), yield* host("b")]
        let served = 0
        yield* fabricOf(b).expose(Who, (flow) => {
          served += 1
          return flow.send(Uint8Array.of(served))
        })
        const { flows } = yield* eachOf(a)
        const flow = yield* succeed(Queue.take(flows))
        assert.deepStrictEqual(
          (yield* succeed(Stream.runCollect(flow.messages))).map((message) => message[0]),
          [1]
        )
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(served, 1)
      })
    )
  )

  it.effect("tells of an owner that never answers as that owner's failure, within the time of an opening", () =>
    inWorld(
      Effect.gen(function* () {
        const { host } = yield* world
        const [a, b, c] = [yield* host("a"), yield* host("b"), yield* host("c")]
        const isServing = yield* Deferred.make<void>()
        const silent = { concurrency: 1 }
        yield* fabricOf(b).expose(
          Who,
          () => Effect.andThen(Deferred.succeed(isServing, undefined), Effect.never),
          silent
        )
        yield* owners(c, 1)
        yield* succeed(fabricOf(c).connect(Who))
        yield* succeed(Deferred.await(isServing))
        const { errors, flows } = yield* eachOf(a)
        yield* tell(c, "c")
        assert.strictEqual((yield* succeed(Queue.take(flows))).peer.id, "c")
        const [told, error] = yield* succeed(Queue.take(errors), 11_000)
        assert.strictEqual(told, "b")
        assert.strictEqual(error.message, 'connect: no answer for "who" within 10000 ms; tried "b" (asked, no answer)')
      })
    )
  )
})
