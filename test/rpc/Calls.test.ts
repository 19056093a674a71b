/** What is promised of calls over flows beside the laws, and what came of known traps. */
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Option,
  References,
  Schema,
  Scope,
  Stream,
  Tracer
} from "effect"
import { Rpc, RpcClient, RpcClientError, RpcGroup, RpcMiddleware } from "effect/rpc"
import { Endpoint, Fabric, FabricLocal, Grinta, MemoryNetwork, Registry } from "../../src/index.ts"
import * as Fingerprints from "../../src/rpc/Fingerprints.ts"
import { type CallError, FabricRpc } from "../../src/rpc/index.ts"
import * as Wire from "../../src/rpc/Wire.ts"

const quiet = Effect.provideService(References.MinimumLogLevel, "None")

const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (holds() ? Effect.void : Effect.andThen(Effect.sleep("5 millis"), until(holds))))

const soon = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.timeout(effect, "25 seconds")

/** The error of a call that failed with one. */
const callErrorOf = <A, E>(exit: Exit.Exit<A, E>): CallError => {
  const error = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined
  const found = error instanceof RpcClientError.RpcClientError ? FabricRpc.callErrorOf(error) : undefined
  if (found === undefined) assert.fail(`no error of a call: ${String(exit)}`)
  return found
}

class Numbers extends RpcGroup.make(
  Rpc.make("add", { payload: { a: Schema.Number, b: Schema.Number }, success: Schema.Number }),
  Rpc.make("where", { success: Schema.String }),
  Rpc.make("wait"),
  Rpc.make("span", { success: Schema.Struct({ traceId: Schema.String, caller: Schema.String }) }),
  Rpc.make("count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true })
) {}

const numbers = (where: string, wait: Effect.Effect<void> = Effect.never) =>
  Numbers.toLayer({
    add: ({ a, b }) => Effect.succeed(a + b),
    where: () => Effect.succeed(where),
    wait: () => wait,
    span: () =>
      Effect.orDie(
        Effect.map(Effect.currentSpan, ({ parent, traceId }) => ({
          traceId,
          caller: Option.match(parent, { onNone: () => "", onSome: ({ spanId }) => spanId })
        }))
      ),
    count: ({ to }) => Stream.rechunk(Stream.range(1, to), 1)
  })

const serve = (name: string, options?: FabricRpc.ServerOptions, wait?: Effect.Effect<void>) =>
  FabricRpc.layerServer(name, Numbers, options).pipe(Layer.provide(numbers(name, wait)))

const local = FabricLocal.layer()

/** A message of a client by hand. */
const request = (id: number, rpc: string, payload: unknown, more: Partial<Wire.Request> = {}): Wire.Request => ({
  _tag: "Request",
  id,
  rpc,
  fingerprint: Fingerprints.make(Numbers)(rpc)?.fingerprint ?? "",
  payload,
  isAlone: false,
  isDiscarded: false,
  headers: [],
  trace: undefined,
  ...more
})

describe("acknowledgements", () => {
  it.live("are the client's to give on a shared flow, and none on a flow of its own, by the word of the request", () =>
    Effect.gen(function* () {
      const fabric = yield* Fabric
      const shared = yield* fabric.connect(Wire.endpoint("n"))
      yield* shared.send(request(1, "count", { to: 3 }))
      assert.deepStrictEqual(yield* shared.receive, { _tag: "Chunk", id: 1, values: [1] })
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(shared.receive, "50 millis")))
      yield* shared.send({ _tag: "Ack", id: 1 })
      assert.deepStrictEqual(yield* shared.receive, { _tag: "Chunk", id: 1, values: [2] })

      const own = yield* fabric.connect(Wire.endpoint("n"))
      yield* own.send(request(0, "count", { to: 3 }, { isAlone: true }))
      const all = yield* Stream.runCollect(own.messages)
      assert.deepStrictEqual(
        all.map(({ _tag }) => _tag),
        ["Chunk", "Chunk", "Chunk", "Exit"]
      )
    }).pipe(soon, Effect.scoped, Effect.provide(Layer.provideMerge(serve("n"), local)))
  )

  it.live("are sent for each chunk of a shared flow, and for none of a flow of its own", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      yield* (yield* Fabric).expose(Wire.endpoint("n"), (flow) =>
        Stream.runForEach(flow.messages, (message) => {
          heard.push(message._tag)
          if (message._tag === "Request") heard.push(message.isAlone ? "alone" : "shared")
          return message._tag === "Interrupt" || heard.length > 5
            ? flow.send({ _tag: "Exit", id: message.id, exit: { _tag: "Success", value: null } })
            : flow.send({ _tag: "Chunk", id: message.id, values: [1] })
        })
      )
      const client = yield* FabricRpc.client("n", Numbers)
      const collect = Stream.runCollect(client.count({ to: 1 }))
      assert.deepStrictEqual(yield* FabricRpc.withCall({ flow: "shared" })(collect), [1, 1, 1, 1])
      assert.deepStrictEqual(heard, ["Request", "shared", "Ack", "Ack", "Ack", "Ack"])
      heard.length = 0
      yield* Effect.timeoutOption(collect, "50 millis")
      assert.deepStrictEqual(heard, ["Request", "alone"])
    }).pipe(soon, Effect.scoped, Effect.provide(local))
  )
})

describe("an interrupt", () => {
  it.live("of calls on a flow that its server does not read waits for nothing, and says what left", () =>
    Effect.gen(function* () {
      yield* (yield* Fabric).expose(Wire.endpoint("n"), () => Effect.never, { drain: 0 })
      const Large = RpcGroup.make(Rpc.make("put", { payload: { text: Schema.String } }))
      const client = yield* FabricRpc.client("n", Large)
      const put = client.put({ text: "x".repeat(60_000) })
      const fibers = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.forkChild(put))
      yield* Effect.sleep("50 millis")
      const [took] = yield* Effect.timed(Fiber.interruptAll(fibers))
      assert.isBelow(Duration.toMillis(took), 500)
      for (const fiber of fibers) assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
    }).pipe(soon, Effect.scoped, Effect.provide(local))
  )
})

describe("a flow that is over", () => {
  it.live("fails the calls in flight, and the next call has another", () =>
    Effect.gen(function* () {
      const fabric = yield* Fabric
      let opened = 0
      const serving = yield* Scope.fork(yield* Effect.scope)
      const exposed = fabric.expose(
        Wire.endpoint("n"),
        (flow) => {
          opened += 1
          return Effect.andThen(flow.receive, Effect.never)
        },
        { drain: "50 millis" }
      )
      yield* Scope.provide(exposed, serving)
      const client = yield* FabricRpc.client("n", Numbers)
      const calls = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(client.wait()))
      yield* until(() => opened === 1)
      yield* Effect.sleep("20 millis")
      yield* Effect.forkChild(Scope.close(serving, Exit.void))
      for (const call of calls) {
        const { delivered, reason } = callErrorOf(yield* Fiber.await(call))
        assert.strictEqual(delivered, "maybe")
        assert.strictEqual(reason._tag === "FlowError" && reason.reason._tag, "FlowReset")
      }
      const none = callErrorOf(yield* Effect.exit(client.wait()))
      assert.strictEqual(none.delivered, "no")
      assert.strictEqual(none.reason._tag === "NetworkError" && none.reason.reason._tag, "EndpointNotFound")
      yield* Layer.build(Layer.fresh(serve("n")))
      assert.strictEqual(yield* client.add({ a: 1, b: 2 }), 3)
    }).pipe(soon, Effect.scoped, Effect.provide(local))
  )

  it.live("by a server that ends it fails the calls in flight as one that is lost", () =>
    Effect.gen(function* () {
      yield* (yield* Fabric).expose(Wire.endpoint("n"), (flow) => Effect.andThen(flow.receive, Effect.void))
      const client = yield* FabricRpc.client("n", Numbers)
      for (const flow of ["shared", "own"] as const) {
        const { delivered, reason } = callErrorOf(yield* Effect.exit(FabricRpc.withCall({ flow })(client.wait())))
        assert.strictEqual(delivered, "maybe")
        assert.strictEqual(reason._tag === "FlowError" && reason.reason._tag, "FlowClosed")
      }
    }).pipe(soon, Effect.scoped, Effect.provide(local))
  )
})

describe("a server that is withdrawn", () => {
  it.live("answers the calls that it has, and takes no more", () =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<void>()
      let waiting = false
      const wait = Effect.suspend(() => {
        waiting = true
        return Deferred.await(answer)
      })
      const serving = yield* Scope.fork(yield* Effect.scope)
      yield* Scope.provide(Layer.build(Layer.fresh(serve("n", undefined, wait))), serving)
      const client = yield* FabricRpc.client("n", Numbers)
      const call = yield* Effect.forkChild(client.wait())
      yield* until(() => waiting)
      const closing = yield* Effect.forkChild(Scope.close(serving, Exit.void))
      yield* Effect.sleep("50 millis")
      assert.strictEqual(callErrorOf(yield* Effect.exit(client.where())).delivered, "no")
      yield* Deferred.succeed(answer, undefined)
      yield* Fiber.join(call)
      const [took] = yield* Effect.timed(Fiber.join(closing))
      assert.isBelow(Duration.toMillis(took), 1000)
    }).pipe(soon, Effect.scoped, Effect.provide(local))
  )
})

describe("a bad peer", () => {
  it.live("that sends what is no message loses its flow, and nobody else's", () =>
    Effect.gen(function* () {
      const fabric = yield* Fabric
      const client = yield* FabricRpc.client("n", Numbers)
      const call = yield* Effect.forkChild(client.wait())
      const { codec, fingerprint, ...rest } = Wire.endpoint("n")
      const bytes = Endpoint.make("n", { input: Schema.Unknown, output: Schema.Unknown })
      for (const message of [1, [], [3, 1], [0, -1, "add", "", null, 0], [0, 1, "add", "", null, 0, [["a"]]], [1]]) {
        const flow = yield* fabric.connect({ ...bytes, codec, fingerprint, compatible: rest.compatible })
        yield* flow.send(message)
        assert.strictEqual((yield* Effect.flip(flow.receive))._tag, "FlowError", JSON.stringify(message))
      }
      const twice = yield* fabric.connect(Wire.endpoint("n"))
      yield* twice.sendAll([request(1, "wait", null), request(1, "wait", null)])
      assert.isTrue(Cause.isDone(yield* Effect.flip(twice.receive)))
      assert.strictEqual(yield* client.add({ a: 1, b: 2 }), 3)
      assert.isUndefined(call.pollUnsafe())
    }).pipe(soon, Effect.scoped, Effect.provide(Layer.provideMerge(serve("n"), local)), quiet)
  )

  it.live("that answers with what is no message fails the calls of its flow", () =>
    Effect.gen(function* () {
      const { codec, fingerprint, compatible } = Wire.endpoint("n")
      const any = Endpoint.make("n", { input: Schema.Unknown, output: Schema.Unknown })
      yield* (yield* Fabric).expose(
        { ...any, codec, fingerprint, compatible },
        (flow) => Effect.andThen(flow.receive, Effect.andThen(flow.send([0, "x"]), Effect.never)),
        { drain: 0 }
      )
      const client = yield* FabricRpc.client("n", Numbers)
      for (const flow of ["shared", "own"] as const) {
        const { delivered, reason } = callErrorOf(yield* Effect.exit(FabricRpc.withCall({ flow })(client.wait())))
        assert.strictEqual(delivered, "maybe")
        assert.strictEqual(reason._tag === "FlowError" && reason.reason._tag, "MalformedMessage")
      }
    }).pipe(soon, Effect.scoped, Effect.provide(local), quiet)
  )

  it.live("has so many calls in flight on a flow as the server takes; one more is refused", () =>
    Effect.gen(function* () {
      const client = yield* FabricRpc.client("n", Numbers)
      const calls = yield* Effect.forEach([1, 2], () => Effect.forkChild(client.wait()))
      yield* Effect.sleep("20 millis")
      const { delivered, reason } = callErrorOf(yield* Effect.exit(client.where()))
      assert.deepStrictEqual([delivered, reason._tag], ["no", "CallsExceeded"])
      yield* Fiber.interruptAll(calls)
      yield* Effect.sleep("20 millis")
      assert.strictEqual(yield* client.where(), "n")
    }).pipe(soon, Effect.scoped, Effect.provide(Layer.provideMerge(serve("n", { callsMax: 2 }), local)))
  )

  it.live("is told apart by a middleware of the server, which knows who calls", () =>
    Effect.gen(function* () {
      class Strange extends Schema.TaggedError<Strange>()("Strange", { who: Schema.String }) {}
      class Guard extends RpcMiddleware.Service<Guard>()("Guard", { error: Strange }) {}
      const Guarded = RpcGroup.make(Rpc.make("ask", { success: Schema.String })).middleware(Guard)
      const guard = (who: string) =>
        Layer.succeed(Guard, (effect) =>
          Effect.flatMap(FabricRpc.Caller, (peer) => (peer?.id === who ? effect : Effect.fail(new Strange({ who }))))
        )
      for (const [name, who] of [
        ["one", "local"],
        ["two", "another"]
      ] as const)
        yield* Layer.build(
          FabricRpc.layerServer(name, Guarded).pipe(
            Layer.provide(Guarded.toLayer({ ask: () => Effect.succeed("told") })),
            Layer.provide(guard(who))
          )
        )
      const asked = (name: string) => Effect.flatMap(FabricRpc.client(name, Guarded), (client) => client.ask())
      assert.strictEqual(yield* asked("one"), "told")
      assert.strictEqual((yield* Effect.flip(asked("two")))._tag, "Strange")
    }).pipe(soon, Effect.scoped, Effect.provide(local))
  )

  it.live("is told of a payload that does not fit in few words, however large it is", () =>
    Effect.gen(function* () {
      const put = (text: Schema.Codec<string, string>) =>
        RpcGroup.make(Rpc.make("put", { payload: Schema.Struct({ text }) }))
      const none = Schema.String.check(
        Schema.makeFilter((text: string) => (text === "" ? undefined : `not ${text} or ${text}`))
      )
      const server = FabricRpc.layerServer("n", put(none)).pipe(
        Layer.provide(put(none).toLayer({ put: () => Effect.void }))
      )
      yield* Layer.build(server)
      const client = yield* FabricRpc.client("n", put(Schema.String))
      const { delivered, message, reason } = callErrorOf(
        yield* Effect.exit(client.put({ text: "x".repeat(4_190_000) }))
      )
      assert.deepStrictEqual([delivered, reason._tag], ["no", "PayloadMisfit"])
      assert.isBelow(message.length, 2000)
    }).pipe(soon, Effect.scoped, Effect.provide(local))
  )

  it.live("is what a bound that cannot work makes nobody", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Layer.build(serve("n", { callsMax: 0 })))
      assert.strictEqual(error.reason._tag, "InvalidConfig")
    }).pipe(Effect.scoped, Effect.provide(local))
  )
})

describe("clients of several names in one graph of layers", () => {
  class One extends Context.Service<One, RpcClient.FromGroup<typeof Numbers, RpcClientError.RpcClientError>>()("One") {
    static readonly layer = Layer.effect(One, RpcClient.make(Numbers)).pipe(
      Layer.provide(FabricRpc.layerClient("one", Numbers))
    )
  }
  class Two extends Context.Service<Two, RpcClient.FromGroup<typeof Numbers, RpcClientError.RpcClientError>>()("Two") {
    static readonly layer = Layer.effect(Two, RpcClient.make(Numbers)).pipe(
      Layer.provide(FabricRpc.layerClient("two", Numbers))
    )
  }
  it.live("each call their own", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* One, yield* Two]
      assert.deepStrictEqual([yield* one.where(), yield* two.where()], ["one", "two"])
    }).pipe(
      soon,
      Effect.provide(
        Layer.mergeAll(One.layer, Two.layer).pipe(
          Layer.provideMerge(Layer.mergeAll(serve("one"), serve("two"))),
          Layer.provideMerge(local)
        )
      )
    )
  )

  it.live("refuse an Rpc of another group before anything is sent", () =>
    Effect.gen(function* () {
      const Other = RpcGroup.make(Rpc.make("other"))
      const client = yield* Effect.provide(RpcClient.make(Other), FabricRpc.layerClient("n", Numbers))
      const { delivered, reason } = callErrorOf(yield* Effect.exit(client.other()))
      assert.deepStrictEqual([delivered, reason._tag], ["no", "RpcUnknown"])
    }).pipe(soon, Effect.scoped, Effect.provide(local))
  )
})

describe("a group that several hosts serve", () => {
  /** Where calls wait. */
  const waiting: Array<string> = []
  let stopped = 0
  const wait = (name: string) =>
    Effect.andThen(
      Effect.sync(() => waiting.push(name)),
      Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          stopped += 1
        })
      )
    )
  const host = (name: string) =>
    Layer.build(
      Layer.provideMerge(
        FabricRpc.layerServer("n", Numbers, { ownership: "group" }).pipe(Layer.provide(numbers(name, wait(name)))),
        Layer.fresh(Grinta.layerMemory({ name, seeds: ["desk"] }))
      )
    )
  const desk = Grinta.layerMemory({ name: "desk" }).pipe(Layer.provideMerge(MemoryNetwork.layer()))

  const three = Effect.gen(function* () {
    const registry = yield* Registry
    yield* Effect.all(["a", "b", "c"].map(host))
    const owners = Stream.mapEffect(registry.watch("n"), () => registry.resolve("n"))
    yield* Stream.runDrain(Stream.takeUntil(owners, (found) => found.length === 3))
  })

  it.live("is called as the call or its client selects, by one flow for each owner", () =>
    Effect.gen(function* () {
      yield* three
      const client = yield* FabricRpc.client("n", Numbers)
      const times = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.map(Effect.all(Array.from({ length: 60 }, () => effect)), (all) => [...new Set(all)].sort())
      const at = (select: NonNullable<Parameters<typeof FabricRpc.withCall>[0]["select"]>) =>
        times(FabricRpc.withCall({ select })(client.where()))
      assert.lengthOf(yield* times(client.where()), 1)
      assert.deepStrictEqual(yield* at({ host: "b" }), ["b"])
      assert.deepStrictEqual(yield* at("random"), ["a", "b", "c"])
      assert.lengthOf(yield* at({ key: "one" }), 1)
      const keyed = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, key) => ({ key: String(key) })),
        at
      )
      assert.deepStrictEqual([...new Set(keyed.flat())].sort(), ["a", "b", "c"])
      const busy = FabricRpc.withCall({ select: "leastBusy" })
      const calls = yield* Effect.forEach(Array.from({ length: 60 }), () => Effect.forkChild(busy(client.wait())))
      yield* until(() => waiting.length === 60)
      for (const name of ["a", "b", "c"]) {
        const its = waiting.filter((other) => other === name).length
        assert.isTrue(its >= 10 && its <= 30, `${its} of 60 calls at ${name}`)
      }
      yield* Fiber.interruptAll(calls)
    }).pipe(soon, Effect.scoped, Effect.provide(desk), quiet)
  )

  it.live("outlives one that is killed: its calls fail as perhaps delivered, the next go elsewhere", () =>
    Effect.gen(function* () {
      const { kill } = yield* MemoryNetwork.MemoryNetwork
      yield* three
      const client = yield* FabricRpc.client("n", Numbers)
      const first = yield* client.where()
      const call = yield* Effect.forkChild(client.wait())
      yield* Effect.sleep("50 millis")
      yield* kill(first)
      assert.strictEqual(callErrorOf(yield* Fiber.await(call)).delivered, "maybe")
      assert.notStrictEqual(yield* client.where(), first)
    }).pipe(soon, Effect.scoped, Effect.provide(desk), quiet)
  )

  it.live("stops what runs for a host that is killed", () =>
    Effect.gen(function* () {
      const { kill } = yield* MemoryNetwork.MemoryNetwork
      yield* three
      const visitor = yield* Layer.build(Layer.fresh(Grinta.layerMemory({ name: "visitor", seeds: ["desk"] })))
      const client = yield* Effect.provideContext(FabricRpc.client("n", Numbers, { wait: true }), visitor)
      const before = { waiting: waiting.length, stopped }
      for (const flow of ["shared", "own"] as const)
        yield* Effect.forkChild(FabricRpc.withCall({ flow })(client.wait()), { startImmediately: true })
      yield* until(() => waiting.length === before.waiting + 2)
      yield* kill("visitor")
      yield* until(() => stopped === before.stopped + 2)
    }).pipe(soon, Effect.scoped, Effect.provide(desk), quiet)
  )

  it.live("has one trace from the caller to the handler, however the call goes", () =>
    Effect.gen(function* () {
      yield* three
      const client = yield* FabricRpc.client("n", Numbers)
      for (const flow of ["shared", "own"] as const) {
        const spans: Array<Tracer.Span> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          }
        })
        const call = Effect.withSpan(FabricRpc.withCall({ flow })(client.span()), "mine")
        const there = yield* Effect.withTracer(call, tracer)
        const calling = spans.find(({ kind, name }) => name === "span" && kind === "client")
        const mine = spans.find(({ name }) => name === "mine")
        assert.isDefined(mine)
        assert.strictEqual(calling?.parent.pipe(Option.getOrUndefined)?.spanId, mine?.spanId)
        assert.deepStrictEqual(there, { traceId: mine?.traceId, caller: calling?.spanId })
      }
    }).pipe(soon, Effect.scoped, Effect.provide(desk), quiet)
  )
})
