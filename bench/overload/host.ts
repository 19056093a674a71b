/** A host of the overload in a process of its own: the one that is loaded, or one of its callers. Ends with its standard input. */
import { Effect, Exit, Fiber, Layer, References, Schedule, Schema, type Scope, Stream } from "effect"
import { Codec, Endpoint, Fabric, Gossip, Grinta } from "../../src/index.ts"
import * as Failures from "../../test/net/programs/Failures.ts"
import { obey, tell } from "../../test/net/programs/Told.ts"
import * as Vitals from "../../test/net/programs/Vitals.ts"
import { Config, type Metered, Order, type Tally } from "./Orders.ts"

const config = Schema.decodeUnknownSync(Schema.fromJsonString(Config))(process.argv[2])
const vitals = Vitals.watch()

for (const event of ["uncaughtException", "unhandledRejection"])
  process.on(event, (cause) => tell({ crash: String(cause instanceof Error ? cause.stack : cause).slice(0, 1000) }))

const bytes = { input: Codec.bytes, output: Codec.bytes } as const
const Echo = Endpoint.make("overload.echo", bytes)
const Hold = Endpoint.make("overload.hold", bytes)
/** Takes few flows, and none that wait. */
const Narrow = Endpoint.make("overload.narrow", bytes)

const narrow = { concurrency: 8, backlog: 0 } as const
const narrowMillis = 100

const expose = Effect.gen(function* () {
  const fabric = yield* Fabric
  yield* fabric.expose(Echo, (flow) => Stream.runForEach(flow.batches, (batch) => flow.sendAll(batch)))
  yield* fabric.expose(Hold, () => Effect.never)
  yield* fabric.expose(Narrow, () => Effect.sleep(narrowMillis), narrow)
})

interface Counts {
  well: number
  readonly failures: Map<string, number>
}

const makeCounts = (): Counts => ({ well: 0, failures: new Map() })

/** Counts an operation by how it ends; it fails no more. */
const counted = <A, R>(counts: Counts, effect: Effect.Effect<A, unknown, R>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) counts.well += 1
    else {
      const failure = Failures.of(exit.cause, "", "connect")
      const words = failure && `${failure.tag} ${failure.reason}, delivered: ${failure.delivered}`
      if (words !== undefined) counts.failures.set(words, (counts.failures.get(words) ?? 0) + 1)
    }
    return exit
  })

const message = new Uint8Array(100)

/** Runs one after the other, each at its time or as soon as the one before has ended; the milliseconds that each took from then. */
const paced = <R>(everyMillis: number, found: Array<number>, once: Effect.Effect<boolean, never, R>) =>
  Effect.gen(function* () {
    let due = performance.now()
    while (true) {
      const early = due - performance.now()
      if (early > 0) yield* Effect.sleep(early)
      // One that could not begin in time has waited since then; else the clock of the process is no part of it.
      const began = early > 0 ? performance.now() : due
      if (yield* once) found.push(performance.now() - began)
      due += everyMillis
    }
  })

const echoMillis = 10
const connectMillis = 50

const meter = (echoes: Array<number>, connects: Array<number>, counts: Counts) => {
  const ask = Effect.fnUntraced(function* () {
    const fabric = yield* Fabric
    const flow = yield* fabric.connect(Echo)
    yield* flow.send(message)
    yield* flow.receive
  })
  const opening = Effect.map(counted(counts, Effect.scoped(ask())), Exit.isSuccess)
  const asking = Effect.gen(function* () {
    const flow = yield* (yield* Fabric).connect(Echo)
    const once = Effect.andThen(flow.send(message), flow.receive)
    yield* paced(echoMillis, echoes, Effect.map(counted(counts, once), Exit.isSuccess))
  })
  return Effect.all([Effect.scoped(asking), paced(connectMillis, connects, opening)], { concurrency: "unbounded" })
}

/** Flows of a churn that are being opened at a time; beyond it none is begun. */
const openingMax = 2_000
const ticksPerSecond = 50

const churn = Effect.fnUntraced(function* (perSecond: number, counts: Counts) {
  const fabric = yield* Fabric
  const scope = yield* Effect.scope
  let opening = 0
  const once = Effect.suspend(() => {
    opening += 1
    return Effect.ensuring(
      counted(counts, Effect.scoped(fabric.connect(Hold))),
      Effect.sync(() => {
        opening -= 1
      })
    )
  })
  const tick = Effect.suspend(() =>
    Effect.forEach(
      Array.from({ length: Math.min(perSecond / ticksPerSecond, Math.max(0, openingMax - opening)) }),
      () => Effect.forkIn(once, scope),
      { discard: true }
    )
  )
  yield* Effect.repeat(tick, Schedule.fixed(1000 / ticksPerSecond))
})

const retry = Effect.fnUntraced(function* (fibers: number, counts: Counts) {
  const fabric = yield* Fabric
  const once = counted(
    counts,
    Effect.scoped(Effect.flatMap(fabric.connect(Narrow), (flow) => Stream.runDrain(flow.messages)))
  )
  yield* Effect.all(
    Array.from({ length: fibers }, () => Effect.forever(once)),
    { concurrency: "unbounded", discard: true }
  )
})

const openedAtOnce = 32

const hold = Effect.fnUntraced(function* (flows: number, counts: Counts) {
  const fabric = yield* Fabric
  yield* Effect.forEach(Array.from({ length: flows }), () => counted(counts, fabric.connect(Hold)), {
    concurrency: openedAtOnce,
    discard: true
  })
})

let counts = makeCounts()
let echoes: Array<number> = []
let connects: Array<number> = []
let running: Fiber.Fiber<unknown, unknown> | undefined

type Needs = Fabric | Gossip

/** Begins what goes on until it is stopped. */
const begin = (effect: Effect.Effect<unknown, unknown, Needs | Scope.Scope>) =>
  Effect.map(Effect.forkDetach(Effect.scoped(effect)), (fiber) => {
    running = fiber
    return {}
  })

const end = Effect.suspend(() => (running === undefined ? Effect.void : Fiber.interrupt(running)))

const reset = () => {
  ;[counts, echoes, connects] = [makeCounts(), [], []]
}

const carryOut = Effect.fnUntraced(function* (order: Order): Effect.fn.Return<object, never, Needs> {
  if (order.do !== "metered" && order.do !== "stop") reset()
  switch (order.do) {
    case "where": {
      const { address, port } = yield* Effect.flatMap(Gossip, (gossip) => gossip.self)
      return { gossip: `${address}:${port}` }
    }
    case "meter":
      return yield* begin(meter(echoes, connects, counts))
    case "metered": {
      yield* end
      const metered: Metered = { echoes, connects, failures: Object.fromEntries(counts.failures) }
      return metered
    }
    case "hold": {
      const opened = Promise.withResolvers<void>()
      yield* begin(
        Effect.andThen(
          hold(order.flows, counts),
          Effect.andThen(
            Effect.sync(() => opened.resolve()),
            Effect.never
          )
        )
      )
      yield* Effect.promise(() => opened.promise)
      return {}
    }
    case "churn":
      return yield* begin(churn(order.perSecond, counts))
    case "retry":
      return yield* begin(retry(order.fibers, counts))
    case "stop": {
      yield* end
      const tally: Tally = { well: counts.well, failures: Object.fromEntries(counts.failures) }
      return tally
    }
    case "vitals":
      return vitals()
  }
})

const program = Effect.gen(function* () {
  const fabric = yield* Fabric
  if (config.seeds.length === 0) yield* expose
  // A caller is there when it knows the endpoints.
  else
    yield* Effect.forEach([Echo, Hold, Narrow], (one) => Effect.scoped(fabric.connect(one, { wait: true })), {
      discard: true
    })
  const run = Effect.runPromiseWith(yield* Effect.context<Needs>())
  const decode = Schema.decodeUnknownSync(Order)
  obey(async (order) => run(carryOut(decode(order))))
  tell({ up: config.name })
  return yield* Effect.never
})

const layer = Grinta.layer({
  name: config.name,
  fabric: "overload",
  seeds: config.seeds,
  listen: { gossipPort: 0, flowPort: 0 }
})
const log = Layer.succeed(References.MinimumLogLevel, "None")

Effect.runFork(Effect.scoped(program).pipe(Effect.provide(layer), Effect.provide(log))).addObserver((exit) => {
  tell({ over: String(exit).slice(0, 500) })
  process.exit(3)
})
