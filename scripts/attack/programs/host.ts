/**
 * A host of a trial, in a process of its own: the one that is attacked, one of its good peers, or a newcomer. It is started as
 * a user starts one, and obeys `Orders.ts` until its standard input ends.
 */
import { Effect, Logger, Metric, Schema, Stream } from "effect"
import { Fabric, Gossip, Grinta, Registry, Self, Transport } from "../../../src/index.ts"
import { obey, tell } from "../../../test/net/programs/Told.ts"
import { deafOf, echoOf, jsonOf } from "../Endpoints.ts"
import { HostConfig, HostOrder, type Tally, type View } from "../Orders.ts"
import * as Called from "./Called.ts"
import * as Checked from "./Checked.ts"
import * as Turns from "./Turns.ts"

const config = Schema.decodeUnknownSync(Schema.fromJsonString(HostConfig))(process.argv[2])

for (const event of ["uncaughtException", "unhandledRejection"])
  process.on(event, (cause) => {
    tell({ crash: String(cause instanceof Error ? cause.stack : cause).slice(0, 1000) })
    process.exit(4)
  })

const turns = Turns.watch()
const done = Checked.make()
const buried = new Map<string, number>()
let linesUnclean = 0

/** What a line of a log never has: controls, and what turns the direction of writing. */
const foul = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u
const lineCharactersMax = 4000

const listen = (message: string): void => {
  if (foul.test(message) || message.length > lineCharactersMax) linesUnclean += 1
}

const logger = Logger.make(({ logLevel, message }) => {
  const text = Array.isArray(message) ? message.map(String).join(" ") : String(message)
  listen(text)
  if (logLevel !== "Info" && logLevel !== "Debug") tell({ log: text.slice(0, 300) })
})

const expose = Effect.gen(function* () {
  const fabric = yield* Fabric
  yield* fabric.expose(echoOf(config.name), (flow) => {
    // As a handler that writes down who called.
    listen(flow.peer.id)
    return Stream.runForEach(flow.batches, (batch) => flow.sendAll(batch))
  })
  yield* fabric.expose(jsonOf(config.name), (flow) =>
    Stream.runForEach(flow.messages, (value) => flow.send(new TextEncoder().encode((typeof value)[0])))
  )
  yield* fabric.expose(deafOf(config.name), () => Effect.never)
})

const where = Effect.gen(function* () {
  const { port } = yield* Effect.flatMap(Gossip, (gossip) => gossip.self)
  return { gossipPort: port, flowPort: (yield* Transport).flowPort, generation: (yield* Self).generation }
})

const viewOf = Effect.fnUntraced(function* (hosts: ReadonlyArray<string>) {
  const members = yield* Effect.flatMap(Gossip, (gossip) => gossip.members)
  const registry = yield* Registry
  const alive = hosts.filter((host) => members.some(({ id, status }) => id === host && status === "alive"))
  const isNamed = (host: string) =>
    Effect.map(
      Effect.orElseSucceed(registry.resolve(echoOf(host).name), () => []),
      (entries) => entries.length === 1 && entries[0]?.host.id === host
    )
  const view: View = { alive, named: yield* Effect.filter(hosts, isNamed), members: members.length }
  return view
})

const tally = (): Tally => ({
  messages: done.messages,
  opens: done.opens,
  names: done.names,
  failures: Object.fromEntries(done.failures),
  buried: Object.fromEntries(buried),
  linesUnclean,
  ...turns.seen()
})

const memory = async () => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const { external, heapUsed, rss } = process.memoryUsage()
  return { heapBytes: heapUsed + external, rssBytes: rss }
}

/** How the reasons of what came over gossip begin; the others are of what the host itself began. */
const incoming = /^(packet|queue|stream|swim|conflict|socket\.(receive|stream))/

/** What was dropped, refused or closed, by reason: what the membership plane counts itself, and of the others the metrics. */
const counters = Effect.gen(function* () {
  const gossip = yield* Effect.flatMap(Gossip, (gossip) => gossip.counters)
  const found: Record<string, number> = {}
  for (const [reason, times] of Object.entries(gossip)) if (incoming.test(reason)) found[`gossip ${reason}`] = times
  for (const { attributes, id, state, type } of yield* Metric.snapshot) {
    const reason = attributes?.reason
    if (type !== "Counter" || reason === undefined || !/^grinta_(?!gossip_)/.test(id)) continue
    found[`${id.slice("grinta_".length)} ${reason}`] = Number(state.count)
  }
  return { counters: found }
})

type Services = Fabric | Gossip | Registry | Self | Transport

const carryOut = Effect.fnUntraced(function* (order: HostOrder): Effect.fn.Return<object, never, Services> {
  switch (order.do) {
    case "where":
      return yield* where
    case "load":
      yield* Effect.forkDetach(Checked.run(done, config.name, order.to))
      return {}
    case "call":
      return yield* Called.run(order.to, order.seconds)
    case "mark":
      turns.mark()
      return {}
    case "tally":
      return tally()
    case "view":
      return yield* viewOf(order.of)
    case "memory":
      return yield* Effect.promise(memory)
    case "counters":
      return yield* counters
  }
})

const program = Effect.gen(function* () {
  const gossip = yield* Gossip
  const run = Effect.runPromiseWith(yield* Effect.context<Services>())
  yield* expose
  yield* Effect.forkScoped(
    Stream.runForEach(gossip.changes, ({ member: { id, status } }) =>
      Effect.sync(() => {
        if (status === "dead" || status === "left") buried.set(id, (buried.get(id) ?? 0) + 1)
      })
    ),
    { startImmediately: true }
  )
  const decode = Schema.decodeUnknownSync(HostOrder)
  obey(async (order) => run(carryOut(decode(order))))
  tell({ up: yield* where })
  return yield* Effect.never
})

const layer = Grinta.layer({
  name: config.name,
  fabric: "attack",
  seeds: config.seeds,
  keys: config.keys,
  listen: { host: config.address, gossipPort: 0, flowPort: 0 },
  limitsLoopback: true,
  ...(config.tls === undefined ? {} : { tls: config.tls })
})

Effect.runFork(Effect.scoped(program).pipe(Effect.provide(layer), Effect.provide(Logger.layer([logger])))).addObserver(
  (exit) => {
    tell({ over: String(exit).slice(0, 500) })
    process.exit(3)
  }
)
