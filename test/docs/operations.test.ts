/** What docs/operations.md says that hosts say is what they say, on both sides, word for word. */
import { readdirSync, readFileSync } from "node:fs"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Exit, Fiber, Layer, Logger, References, Schedule, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as GossipSwim from "../../src/layers/gossip/GossipSwim.ts"
import * as GossipSocketNode from "../../src/layers/gossip/socket/GossipSocketNode.ts"
import * as MemoryNetwork from "../../src/layers/memory/MemoryNetwork.ts"
import * as TransportConnect from "../../src/layers/transport/TransportConnect.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import { Fabric } from "../../src/services/Fabric.ts"
import { GossipSocket } from "../../src/services/GossipSocket.ts"
import type { Host } from "../../src/services/Host.ts"
import { Transport } from "../../src/services/Transport.ts"
import * as Cluster from "../layers/gossip/Cluster.ts"
import * as Certificates from "../layers/transport/http2/tls/Certificates.ts"

const document = readFileSync("docs/operations.md", "utf8")

interface Row {
  readonly here: ReadonlyArray<string>
  readonly there: ReadonlyArray<string>
}

/** The sentences of a cell, each in backticks. */
const sentences = (cell: string): Array<string> => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text)

/** The table of causes, by what is in its first column. */
const rows: ReadonlyMap<string, Row> = new Map(
  document
    .split("\n## ")
    .filter((section) => section.startsWith("Why two hosts do not meet"))
    .flatMap((section) => section.split("\n"))
    .filter((line) => line.startsWith("| "))
    .map((line) => line.slice(1, -1).split("|"))
    .filter((cells) => cells.length === 4)
    .map(([cause = "", here = "", there = ""]) => [
      cause.trim(),
      { here: sentences(here).sort(), there: sentences(there).sort() }
    ])
)

/** What a host logs at Warn and above. */
const listening = () => {
  const lines: Array<string> = []
  const layer = Logger.layer([
    Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn" || logLevel === "Error") lines.push(String(message))
    })
  ])
  return { lines, layer }
}

interface Said {
  readonly here: ReadonlyArray<string>
  readonly there: ReadonlyArray<string>
}

/** Two hosts on one network in memory: "a" at 10.0.0.1 has "b" at 10.0.0.2 as its seed. */
const pair = Effect.fnUntraced(function* (
  a: Partial<GossipSwim.Config>,
  b: Partial<GossipSwim.Config>,
  through?: Parameters<typeof Cluster.start>[3]
) {
  const [here, there] = [listening(), listening()]
  const network = yield* MemoryNetwork.MemoryNetwork
  yield* network.plug("a")
  const running = yield* Effect.provide(Cluster.start("b", b, 1, through), there.layer)
  yield* Effect.provide(Cluster.start("a", { seeds: ["b"], ...a }), here.layer)
  yield* TestClock.adjust("5 minutes")
  return { here: here.lines, there: there.lines, b: running.gossip }
})

const key = (byte: number): string => Buffer.alloc(16, byte).toString("base64")
const keys = (...bytes: ReadonlyArray<number>) => ({ encryption: { keys: bytes.map(key) } })

/** Waits until something is there. */
const until = (isSo: () => boolean) =>
  Effect.suspend(() => (isSo() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.spaced("10 millis")),
    Effect.timeout("20 seconds")
  )

const authority = Certificates.make("an authority")

/** A host on real sockets, what it logs, and where it is. */
const real = Effect.fnUntraced(function* (name: string, options: Grinta.Options = {}) {
  const heard = listening()
  const layer = Grinta.layer({ name, listen: { gossipPort: 0, flowPort: 0 }, profile: "local", ...options })
  const services = yield* Effect.provide(Layer.build(layer), heard.layer)
  const { flowPort } = Context.get(services, Transport)
  return { lines: heard.lines, flowPort }
})

/** Texts with the ports of a test in place of those of the document. */
const told = (lines: ReadonlyArray<string>, ports: Readonly<Record<string, number>>): ReadonlyArray<string> =>
  lines.map((line) =>
    Object.entries(ports).reduce((text, [port, at]) => text.replaceAll(`127.0.0.1:${at}`, `127.0.0.1:${port}`), line)
  )

/** Host "a" has the flow port of "b" as its seed. */
const seedIsFlowPort = Effect.fnUntraced(function* (options: Grinta.Options) {
  const b = yield* real("b", options)
  const a = yield* real("a", { seeds: [`127.0.0.1:${b.flowPort}`] })
  yield* until(() => a.lines.length > 0 && b.lines.length > 0)
  return { here: told(a.lines, { 7947: b.flowPort }), there: b.lines }
})

/** "a" opens a session to "b". */
const sessions = Effect.fnUntraced(function* (a: TransportConnect.Options, b: TransportConnect.Options) {
  const [here, there] = [listening(), listening()]
  const build = (config: TransportConnect.Options, logs: Layer.Layer<never>) =>
    Effect.map(Effect.provide(Layer.build(TransportConnect.layer({ port: 0, ...config })), logs), (services) =>
      Context.get(services, Transport)
    )
  const server = yield* build(b, there.layer)
  const caller = yield* build(a, here.layer)
  const host: Host = { id: "b", generation: 1, address: "127.0.0.1", flowPort: server.flowPort, locality: "", tags: {} }
  const { message } = yield* Effect.flip(Effect.scoped(caller.reach(host)))
  yield* until(() => there.lines.length > 0)
  // What a caller gets is not in the log as well, but for what a lone owner is dialled for without being reached first.
  const isLogged = a.tls === undefined
  if (isLogged) yield* until(() => here.lines.length > 0)
  return { here: told(isLogged ? here.lines : [message], { 7947: server.flowPort }), there: there.lines }
})

const tlsOf = (host: string): TransportConnect.Options => ({
  tls: { ...authority.issue(host), fabric: "", host }
})

const inMemory: Readonly<Record<string, Effect.Effect<Said, unknown, MemoryNetwork.MemoryNetwork | Scope.Scope>>> = {
  "another fabric": pair({ fabric: "shop" }, { fabric: "store" }),
  "keys on one side only: not there": pair(keys(1), {}),
  "keys on one side only: not here": pair({}, keys(1)),
  "other keys": pair(keys(1), keys(2)),
  "the first key is not known there": pair(keys(1, 2), keys(2)),
  "the keys were changed on one side": Effect.gen(function* () {
    const { b, here, there } = yield* pair(keys(1), keys(1))
    yield* b.keyring.install(key(2))
    yield* b.keyring.use(key(2))
    yield* b.keyring.remove(key(1))
    yield* TestClock.adjust("5 minutes")
    return { here, there }
  }),
  "nobody listens at the seed": Effect.gen(function* () {
    const network = yield* MemoryNetwork.MemoryNetwork
    yield* network.plug("a")
    yield* Effect.scoped(network.plug("b"))
    const here = listening()
    yield* Effect.provide(Cluster.start("a", { seeds: ["b"] }), here.layer)
    yield* TestClock.adjust("1 minute")
    return { here: here.lines, there: [] }
  }),
  "the seed is this host itself": Effect.gen(function* () {
    const here = listening()
    yield* Effect.provide(Cluster.start("a", { seeds: ["a"] }), here.layer)
    yield* TestClock.adjust("1 minute")
    return { here: here.lines, there: [] }
  }),
  "it listens on loopback": pair({ advertise: { bytes: Uint8Array.of(127, 0, 0, 1), port: 7946 } }, {}),
  "packets do not get through": pair({}, {}, (socket) => ({ ...socket, send: () => Effect.void }))
}

const onSockets: Readonly<Record<string, Effect.Effect<Said, unknown, Scope.Scope>>> = {
  "the seed is a flow port": seedIsFlowPort({}),
  "the seed is a flow port with TLS": seedIsFlowPort({ tls: authority.issue("b") }),
  "`tls` on one side only: not there": sessions(tlsOf("a"), {}),
  "`tls` on one side only: not here": sessions({}, tlsOf("b")),
  "a client has the gossip port for the flow port": Effect.gen(function* () {
    const heard = listening()
    const config = { fabric: "shop", seeds: [], meta: { flowPort: 0 } }
    const layer = GossipSwim.layer(config).pipe(
      Layer.provide(Cluster.self("b")),
      Layer.provideMerge(GossipSocketNode.layer({ host: "127.0.0.1", port: 0 }))
    )
    const services = yield* Effect.provide(Layer.build(layer), heard.layer)
    const { port } = Context.get(services, GossipSocket).address
    const client = net.connect(port, "127.0.0.1", () => client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
    yield* Effect.addFinalizer(() => Effect.sync(() => client.destroy()))
    yield* until(() => heard.lines.length > 0)
    return { here: [], there: heard.lines }
  }),
  "a variable that no host reads": Effect.gen(function* () {
    const heard = listening()
    const provider = ConfigProvider.fromEnv({ env: { GRINTA_SEED: "10.0.0.2" } })
    const layer = Grinta.layer({ name: "a", listen: { gossipPort: 0, flowPort: 0 } })
    yield* Effect.provide(Layer.build(layer), [heard.layer, ConfigProvider.layer(provider)])
    return { here: heard.lines, there: [] }
  })
}

/** Each sentence of the document was said once, however often it came up, and nothing else was. */
const check = (cause: string, said: Said): void => {
  const row = rows.get(cause)
  assert.deepStrictEqual({ here: [...said.here].sort(), there: [...said.there].sort() }, row, cause)
}

describe("why two hosts do not meet", () => {
  it("is a table with every cause that is tried here, and no other", () => {
    const tried = [...Object.keys(inMemory), ...Object.keys(onSockets)]
    assert.sameMembers(
      [...rows.keys()].filter((cause) => !/^(cause|---)/.test(cause)),
      tried
    )
  })

  for (const [cause, saying] of Object.entries(inMemory))
    it.effect(cause, () =>
      Effect.gen(function* () {
        check(cause, yield* saying)
      }).pipe(Effect.provide(Cluster.network(cause)))
    )

  for (const [cause, saying] of Object.entries(onSockets))
    it.live(cause, () => Effect.map(saying, (said) => check(cause, said)))
})

describe("a list of seeds with the host itself in it", () => {
  const aloneWith = Effect.fnUntraced(function* (
    seeds: ReadonlyArray<string>,
    through?: Parameters<typeof Cluster.start>[3],
    config: Partial<GossipSwim.Config> = {}
  ) {
    const network = yield* MemoryNetwork.MemoryNetwork
    yield* network.plug("a")
    yield* Effect.scoped(network.plug("b"))
    const { layer, lines } = listening()
    yield* Effect.provide(Cluster.start("a", { seeds, ...config }, 1, through), layer)
    yield* TestClock.adjust("1 minute")
    return lines
  })

  it.effect("is told of without it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* aloneWith(["a", "b"]), [
        'host "a" is alone and keeps trying: no seed answered: b (nobody listens at 10.0.0.2:7946)'
      ])
    }).pipe(Effect.provide(Cluster.network("itself")))
  )

  it.effect("also where it is known to others by another address", () =>
    Effect.gen(function* () {
      const outside = { bytes: Uint8Array.of(192, 0, 2, 1), port: 7946 }
      const lines = yield* aloneWith(["a"], (socket) => ({ ...socket, address: outside }), { advertise: outside })
      assert.isEmpty(lines)
    }).pipe(Effect.provide(Cluster.network("outside")))
  )
})

describe("what is said of names and addresses", () => {
  const section = document.split("\n## ").find((one) => one.startsWith("Names and addresses")) ?? ""
  const sentences = [...section.matchAll(/^\| \w+ \| `([^`]+)` \|/gm)].map(([, line = ""]) => line)
  const folder = new URL("../../src/layers/", import.meta.url)
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(new URL(file, folder), "utf8"))

  it("is in a table", () => assert.isAtLeast(sentences.length, 6))

  it.each(sentences)("is said in these words: %s", (sentence) => {
    // Names, numbers and places stand where the code has something to fill in.
    const words = sentence.split(/"[^"]*"|\d+(?:\.\d+){3}(?::\d+)?(?:, )?|\b\d+\b/).map((part) => part.trim())
    const isSaid = (source: string) => words.every((part) => source.includes(part))
    assert.isTrue(sources.some(isSaid), sentence)
  })
})

describe("what the log says at Info", () => {
  const said = document.split("\n## ").find((section) => section.startsWith("What the log says")) ?? ""
  const documented = [...said.matchAll(/^\| `([^`]+)` \|/gm)].map(([, line = ""]) => line)

  it.effect("is what the table says, with the keys", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.MemoryNetwork
      const lines: Array<{ readonly line: string; readonly keys: object }> = []
      const log = Logger.layer([
        Logger.make(({ fiber, logLevel, message }) => {
          const keys = fiber.getRef(References.CurrentLogAnnotations)
          if (logLevel === "Info") lines.push({ line: String(message), keys })
        })
      ])
      const start = Effect.fnUntraced(function* (name: string, logs: Layer.Layer<never>) {
        const scope = yield* Scope.fork(yield* Effect.scope)
        const layer = Grinta.layerMemory({ name, fabric: "shop", seeds: name === "a" ? [] : ["a"], profile: "lan" })
        const services = yield* Effect.provide(Layer.buildWithScope(layer, scope), logs)
        const fabric = Context.get(services, Fabric)
        return { ports: Context.get(services, Transport), fabric, services, close: Scope.close(scope, Exit.void) }
      })
      const others = Logger.layer([])
      const a = yield* start("a", log)
      const b = yield* start("b", others)
      const c = yield* start("c", others)
      yield* TestClock.adjust("1 minute")
      yield* network.kill("b")
      yield* TestClock.adjust("20 seconds")
      yield* b.close
      yield* start("b", others)
      yield* TestClock.adjust("1 minute")
      yield* c.close
      yield* TestClock.adjust("1 minute")
      const work = Endpoint.make("work", { input: Codec.bytes, output: Codec.bytes })
      yield* Effect.provide(
        a.fabric.expose(work, (flow) => flow.draining),
        log
      )
      yield* a.fabric.connect(work)
      yield* TestClock.adjust("1 second")
      const closing = yield* Effect.forkChild(a.close)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(closing)

      const keys = { fabric: "shop", host: "a" }
      for (const { keys: found, line } of lines) {
        const [, peer] = /^(?:host|member) "(\w+)" at /.exec(line) ?? []
        if (peer !== undefined) assert.deepStrictEqual(found, { ...keys, peer }, line)
        else assert.deepInclude(found, keys, line)
      }
      // Who is first to suspect, and after how many probes, is chance; so is the port of flows.
      const steady = (line: string) => line.replace(/says .*/, "says").replace(/port \d+/, "port")
      const told = lines.map(({ line }) => steady(line))
      assert.includeMembers(told, documented.map(steady), told.join("\n"))
      // The table has the first two as they come.
      const [up, joined] = documented.map(steady)
      assert.deepStrictEqual(told.slice(0, 2), [up, joined])
    }).pipe(Effect.provide(Cluster.network("the log")))
  )

  it.live("is known by host, endpoint and peer where a handler says it", () =>
    Effect.gen(function* () {
      const found: Array<object> = []
      const log = Logger.layer([
        Logger.make(({ fiber, logLevel }) => {
          if (logLevel === "Error") found.push(fiber.getRef(References.CurrentLogAnnotations))
        })
      ])
      const dies = Endpoint.make("dies", { input: Codec.bytes, output: Codec.bytes }).toLayer(() =>
        Effect.andThen(Effect.logError("the handler itself"), Effect.die("a defect"))
      )
      const services = yield* Effect.provide(
        Layer.build(Layer.provideMerge(dies, Grinta.layerMemory({ name: "a", fabric: "shop" }))),
        log
      )
      const endpoint = Endpoint.make("dies", { input: Codec.bytes, output: Codec.bytes })
      const flow = yield* Context.get(services, Fabric).connect(endpoint)
      yield* Effect.flip(flow.receive)
      yield* until(() => found.length === 2)
      const keys = { fabric: "shop", host: "a", endpoint: "dies" }
      assert.deepStrictEqual(found, [keys, { ...keys, peer: "a" }])
    }).pipe(Effect.provide(Cluster.network("a handler")))
  )
})
