/**
 * A host in a process of its own, in a namespace of the network lab. It obeys `HostOrders.ts` and ends with its standard
 * input.
 */
import { Effect, Exit, Logger, Schema, Stream } from "effect"
import { Fabric, Gossip, Grinta, Registry } from "../../../src/index.ts"
import { type Alive, Config, type Connected, type Names, Order, type Progress } from "../HostOrders.ts"
import * as Failures from "./Failures.ts"
import * as Loads from "./Loads.ts"
import * as Meter from "./Meter.ts"
import * as Numbers from "./Numbers.ts"
import { obey, tell } from "./Told.ts"
import * as Vitals from "./Vitals.ts"

const config = Schema.decodeUnknownSync(Schema.fromJsonString(Config))(process.argv[2])

for (const event of ["uncaughtException", "unhandledRejection"])
  process.on(event, (cause) => tell({ crash: String(cause instanceof Error ? cause.stack : cause).slice(0, 1000) }))

const calls = new Map<string, Loads.Tally>()
const serves = new Map<string, Loads.Tally>()
const running: Loads.Running = new Map()
const numbers = config.numbers === undefined ? undefined : Numbers.make(config.name, config.numbers)

const vitals = Vitals.watch()

/** Whether the process ends because it was told to. */
let isClosing = false

const mark = (): void => {
  for (const { open, received } of [...calls.values(), ...serves.values()])
    for (const meter of [received, ...open]) Meter.mark(meter)
}

const progress = (): Progress => {
  const moved = (tallies: Map<string, Loads.Tally>) =>
    Object.fromEntries([...tallies].map(([name, tally]) => [name, Loads.movedOf(tally)]))
  return { millis: performance.now(), calls: moved(calls), serves: moved(serves) }
}

/** As a long synchronous task; the processor is left to the other processes. */
const block = (millis: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}

const connect = Effect.fnUntraced(function* (order: Extract<Order, { readonly do: "connect" }>) {
  const fabric = yield* Fabric
  const began = performance.now()
  const endpoint = Loads.endpointOf(order.kind, order.to)
  const exit = yield* Effect.exit(Effect.scoped(fabric.connect(endpoint, { timeout: order.timeoutMillis })))
  const failure = Exit.isFailure(exit) ? Failures.of(exit.cause, order.kind, "connect") : undefined
  const answer: typeof Connected.Type = { millis: performance.now() - began, ...(failure && { failure }) }
  return answer
})

const carryOut = Effect.fnUntraced(function* (
  order: Order
): Effect.fn.Return<object, never, Fabric | Gossip | Registry> {
  const begin = (load: string, flows: Effect.Effect<unknown, never, Fabric>) =>
    Effect.map(Effect.forkDetach(flows), (fiber) => {
      running.set(load, fiber)
      return {}
    })
  switch (order.do) {
    case "open":
      return yield* begin(order.load, Loads.open(order, Loads.tallyOf(calls, order.load)))
    case "numbers":
      return yield* begin("numbers", numbers?.exchange(order.to, order.pauseMillis) ?? Effect.void)
    case "numbersEnd":
      numbers?.end()
      return {}
    case "numbersSeen":
      return numbers?.seen() ?? {}
    case "stop":
      return yield* Effect.as(Loads.stop(running, order.load), {})
    case "connect":
      return yield* connect(order)
    case "mark":
      mark()
      return {}
    case "progress":
      return progress()
    case "vitals":
      return vitals()
    case "block":
      block(order.millis)
      return {}
    case "alive": {
      const members = yield* Effect.flatMap(Gossip, (gossip) => gossip.members)
      const registry = yield* Registry
      const isServing = ({ id }: { readonly id: string }) =>
        Effect.map(registry.resolve(Loads.endpointOf("hold", id).name), ({ length }) => length > 0)
      const serving = yield* Effect.filter(members, (member) => Effect.orElseSucceed(isServing(member), () => false))
      const names = serving.filter(({ status }) => status === "alive").map(({ id }) => id)
      const answer: typeof Alive.Type = { names }
      return answer
    }
    case "names": {
      const { generation, id } = yield* Effect.flatMap(Fabric, ({ self }) => self)
      const entries = yield* Effect.flatMap(Registry, (registry) => registry.scan(""))
      const answer: Names = {
        self: `${id}/${generation}`,
        names: entries.map(({ host, name }) => `${name} of ${host.id}/${host.generation}`)
      }
      return answer
    }
    case "close":
      isClosing = true
      main.interruptUnsafe()
      return {}
  }
})

const program = Effect.gen(function* () {
  const gossip = yield* Gossip
  const run = Effect.runPromiseWith(yield* Effect.context<Fabric | Gossip | Registry>())
  yield* Loads.expose(config.name, serves)
  if (numbers !== undefined) yield* numbers.expose
  yield* Effect.forkScoped(
    Stream.runForEach(gossip.changes, ({ member }) =>
      Effect.sync(() => tell({ member: member.id, status: member.status, at: Date.now() }))
    ),
    { startImmediately: true }
  )
  const decode = Schema.decodeUnknownSync(Order)
  obey(async (order) => run(carryOut(decode(order))))
  tell({ up: config.name })
  return yield* Effect.never
})

const layer = Grinta.layer({
  name: config.name,
  fabric: "lab",
  insecure: true,
  seeds: config.seeds,
  listen: { host: config.address }
})
const log = Logger.layer([Logger.make(({ message }) => tell({ log: String(message), at: Date.now() }))])

const main = Effect.runFork(Effect.scoped(program).pipe(Effect.provide(layer), Effect.provide(log)))
main.addObserver((exit) => {
  if (isClosing) process.exit(0)
  tell({ over: String(exit).slice(0, 500) })
  process.exit(3)
})
