/**
 * A run of calls between hosts on a network in memory, in virtual time, while hosts are killed, withdrawn and cut off from each
 * other as a seed says. Each call has a number, and its handler counts how often it was started.
 */
import { Cause, Effect, Exit, type Fiber, Layer, Option, Random, References, Schema, Scope, Stream } from "effect"
import { Rpc, RpcClientError, RpcGroup } from "effect/rpc"
import { TestClock } from "effect/testing"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as MemoryNetwork from "../../src/layers/memory/MemoryNetwork.ts"
import * as FabricRpc from "../../src/rpc/FabricRpc.ts"

class Counted extends RpcGroup.make(
  Rpc.make("now", { payload: { id: Schema.Number }, success: Schema.Number }),
  Rpc.make("later", { payload: { id: Schema.Number, millis: Schema.Number }, success: Schema.Number }),
  Rpc.make("stream", {
    payload: { id: Schema.Number, count: Schema.Number },
    success: Schema.Number,
    stream: true
  })
) {}

const servers = ["a", "b", "c"]

export interface Outcome {
  readonly id: number
  readonly kind: string
  readonly end: "ok" | "no" | "maybe" | "left" | "hangs" | "other"
  readonly detail: string
  /** How often a handler was started for it. */
  readonly started: number
}

const endOf = (exit: Exit.Exit<unknown, unknown> | undefined): Pick<Outcome, "end" | "detail"> => {
  if (exit === undefined) return { end: "hangs", detail: "" }
  if (Exit.isSuccess(exit))
    return { end: Option.isOption(exit.value) && Option.isNone(exit.value) ? "left" : "ok", detail: "" }
  const error = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  if (error instanceof RpcClientError.RpcClientError)
    return { end: FabricRpc.deliveredOf(error), detail: error.message }
  return { end: "other", detail: String(Cause.squash(exit.cause)) }
}

/** What became of `count` calls, in a fabric in which something happens about once for each of them. */
export const run = Effect.fnUntraced(function* (count: number) {
  const network = yield* MemoryNetwork.MemoryNetwork
  const random = yield* Random.Random
  const below = (limit: number): number => Math.floor(random.nextDoubleUnsafe() * limit)
  const started = new Map<number, number>()
  const start = (id: number) => Effect.sync(() => started.set(id, (started.get(id) ?? 0) + 1))
  const handlers = Counted.toLayer({
    now: ({ id }) => Effect.as(start(id), id),
    later: ({ id, millis }) => Effect.as(Effect.andThen(start(id), Effect.sleep(millis)), id),
    stream: ({ count, id }) =>
      Stream.range(1, count).pipe(
        Stream.rechunk(3),
        Stream.onStart(start(id)),
        Stream.tap((at) => (at % 10 === 0 ? Effect.sleep("20 millis") : Effect.void))
      )
  })
  const all = yield* Scope.make()
  const onNetwork = Layer.succeed(MemoryNetwork.MemoryNetwork, network)
  const lives = new Map<string, Scope.Closeable>()

  const begin = Effect.fnUntraced(function* (name: string) {
    const scope = yield* Scope.fork(all)
    lives.set(name, scope)
    const server = FabricRpc.layerServer("counted", Counted, { ownership: "group", drain: "1 second" })
    const host = Layer.fresh(Grinta.layerMemory({ name, seeds: ["desk"] }))
    const layer = server.pipe(Layer.provide(handlers), Layer.provideMerge(host), Layer.provide(onNetwork))
    yield* Effect.ignore(Layer.buildWithScope(layer, scope))
  })
  const end = (name: string, how: Effect.Effect<void>) =>
    Effect.gen(function* () {
      const scope = lives.get(name)
      if (scope === undefined) return
      lives.delete(name)
      yield* how
      yield* Effect.forkIn(Scope.close(scope, Exit.void), all)
    })

  const desk = yield* Layer.buildWithScope(Layer.provide(Grinta.layerMemory({ name: "desk" }), onNetwork), all)
  yield* Effect.forEach(servers, begin)
  yield* TestClock.adjust("5 seconds")
  const client = yield* Effect.provideContext(
    FabricRpc.client("counted", Counted, { timeout: "2 seconds" }),
    desk
  ).pipe(Scope.provide(all))

  const happen = Effect.suspend(() => {
    const name = servers[below(servers.length)] ?? ""
    switch (below(8)) {
      case 0:
        return end(name, network.kill(name))
      case 1:
        return end(name, Effect.void)
      case 2:
        return network.cut("desk", name)
      case 3:
        return below(2) === 0 ? network.cutOneWay("desk", name) : network.cutOneWay(name, "desk")
      case 4:
        return network.heal
      case 5:
        return lives.has(name) ? Effect.void : begin(name)
      default:
        return Effect.void
    }
  })

  const selects = ["nearest", "random", "leastBusy", { key: "k" }, { host: "b" }] as const
  const call = (id: number) => {
    const flow = below(2) === 0 ? "own" : "shared"
    const kind = (["now", "later", "stream", "left"] as const)[below(4)] ?? "now"
    const calling = {
      now: client.now({ id }),
      later: client.later({ id, millis: below(400) }),
      stream: Stream.runDrain(client.stream({ id, count: 1 + below(60) })),
      left: Effect.timeoutOption(client.later({ id, millis: below(1000) }), `${below(500)} millis`)
    }[kind]
    const select = selects[below(selects.length)] ?? "nearest"
    return {
      id,
      kind: `${kind} ${flow} ${JSON.stringify(select)}`,
      calling: FabricRpc.withCall({ flow, select })(calling)
    }
  }

  const calls: Array<{ readonly id: number; readonly kind: string; readonly fiber: Fiber.Fiber<unknown, unknown> }> = []
  for (let id = 0; id < count; id++) {
    const { calling, kind } = call(id)
    calls.push({
      id,
      kind,
      fiber: yield* Effect.forkIn(calling as Effect.Effect<unknown, unknown>, all, { startImmediately: true })
    })
    yield* TestClock.adjust(below(100))
    yield* happen
  }
  yield* network.heal
  // Longer than a connect, a silence, and a drain take together.
  for (let second = 0; second < 30; second++) yield* TestClock.adjust("1 second")
  const outcomes = calls.map(
    ({ fiber, id, kind }): Outcome => ({ id, kind, ...endOf(fiber.pollUnsafe()), started: started.get(id) ?? 0 })
  )
  const closing = yield* Effect.forkChild(Scope.close(all, Exit.void))
  while (closing.pollUnsafe() === undefined) yield* TestClock.adjust("100 millis")
  return outcomes
})

/** The outcomes that break a promise: a call that has not ended, ran twice, ran though it was not delivered, or ended otherwise. */
export const broken = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Outcome> =>
  outcomes.filter(
    ({ end, started }) =>
      end === "hangs" ||
      end === "other" ||
      started > 1 ||
      (end === "no" && started > 0) ||
      (end === "ok" && started === 0)
  )

export const quiet = Effect.provideService(References.MinimumLogLevel, "None")
