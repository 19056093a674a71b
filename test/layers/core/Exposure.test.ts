/** A port that other machines reach is protected, or said to be insecure; and the log says what is not protected. */
import { readFileSync } from "node:fs"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger, Redacted } from "effect"
import * as Exposure from "../../../src/layers/core/Exposure.ts"
import * as SelfLive from "../../../src/layers/core/SelfLive.ts"
import * as Grinta from "../../../src/layers/Grinta.ts"
import * as GossipSwim from "../../../src/layers/gossip/GossipSwim.ts"
import * as GossipSocketNode from "../../../src/layers/gossip/socket/GossipSocketNode.ts"
import * as MemoryNetwork from "../../../src/layers/memory/MemoryNetwork.ts"
import * as TransportConnect from "../../../src/layers/transport/TransportConnect.ts"
import { Gossip } from "../../../src/services/Gossip.ts"
import * as Certificates from "../transport/http2/tls/Certificates.ts"

const key = Buffer.alloc(32, 7).toString("base64")
const tls = { ...Certificates.make("an authority").issue("a"), fabric: "", host: "a" }

/** The table of docs/operations.md on protection, without ports. */
const table = readFileSync("docs/operations.md", "utf8").split("\n## Protection and certificates")[1] ?? ""
const anyPort = (line: string) => line.replaceAll(/port \d+/g, "port N")
const documented = [...(table.split("\n## ")[0] ?? "").matchAll(/^\| (\w+) \| `([^`]+)`/gm)].map(
  ([, level = "", text = ""]) => anyPort(`${level}: ${text}`)
)

/** What a layer logs when it is built, without ports; or its error. */
const saying = <A, E extends Error>(layer: Layer.Layer<A, E>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.layer([
      Logger.make(({ logLevel, message }) => void lines.push(anyPort(`${logLevel}: ${message}`)))
    ])
    return Layer.build(Layer.provide(layer, logger)).pipe(
      Effect.scoped,
      Effect.match({ onFailure: ({ message }) => message, onSuccess: () => lines })
    )
  })

const gossip = (options: GossipSocketNode.Options, config: Partial<GossipSwim.Config> = {}) =>
  GossipSwim.layer({ fabric: "", seeds: [], meta: { flowPort: 0 }, ...config }).pipe(
    Layer.provide(SelfLive.layer({ name: "a" })),
    Layer.provideMerge(GossipSocketNode.layer(options))
  )

/** A port that is taken on all addresses: who tries to bind it hears of that, and of nothing else. */
const taken = Effect.map(
  Effect.acquireRelease(
    Effect.callback<net.Server>((resume) => {
      const server = net.createServer().listen(0, "0.0.0.0", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  ),
  (server) => {
    const address = server.address()
    return address !== null && typeof address === "object" ? address.port : 0
  }
)

/** A port that was free a moment ago. */
const free = Effect.scoped(taken)

describe("an address that other machines reach", () => {
  const hosts = ["0.0.0.0", "::", "192.0.2.1", "somewhere", "", "127.0.0.1.example.com"]

  it.live.each(hosts)("%j is refused without a word, before a socket is opened", (host) =>
    Effect.gen(function* () {
      const port = yield* taken
      const untyped: object = { host, port }
      // What a program in JavaScript may do, which nobody checks before.
      const transport = TransportConnect.layer(untyped as TransportConnect.Options)
      assert.strictEqual(
        yield* saying(transport),
        `listen: host: ${host} is reached from other machines; give tls, say insecure: true, or listen on 127.0.0.1`
      )
      for (const keys of [undefined, []]) {
        const socket = GossipSocketNode.layer({ ...untyped, keys } as unknown as GossipSocketNode.Options)
        assert.strictEqual(
          yield* saying(socket),
          `listen: host: ${host} is reached from other machines; give keys, say insecure: true, or listen on 127.0.0.1`
        )
      }
    })
  )

  it("is refused by types, too", () => {
    const somewhere: string = "127.0.0.1"
    // @ts-expect-error: neither tls nor insecure
    assert.isObject(TransportConnect.layer({ host: "0.0.0.0" }))
    // @ts-expect-error: an address that may be any
    assert.isObject(TransportConnect.layer({ host: somewhere }))
    // @ts-expect-error: neither keys nor insecure
    assert.isObject(GossipSocketNode.layer({ host: "0.0.0.0", port: 0 }))
    // @ts-expect-error: there may be no key
    assert.isObject(GossipSocketNode.layer({ host: "0.0.0.0", port: 0, keys: [] }))
    // @ts-expect-error: it is the literal
    assert.isObject(TransportConnect.layer({ host: somewhere, insecure: somewhere === "" }))
    assert.isObject(TransportConnect.layer({ host: "127.0.0.2", port: 0 }))
    assert.isObject(TransportConnect.layer({ host: somewhere, tls }))
    assert.isObject(GossipSocketNode.layer({ host: somewhere, port: 0, keys: [key] }))
  })

  it.live("is taken with what protects it, and nothing is said", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* saying(TransportConnect.layer({ host: "0.0.0.0", port: 0, tls })), [])
      for (const secret of [key, Redacted.make(key)]) {
        const lines = yield* saying(gossip({ host: "0.0.0.0", port: 0, keys: [secret] }))
        assert.notInclude(String(lines), "plaintext")
      }
    })
  )

  it.live("gossip is encrypted with the keys of the socket, or with those of the membership layer", () =>
    Effect.gen(function* () {
      const sizeWith = (...[options, config]: Parameters<typeof gossip>) =>
        Effect.flatMap(Layer.build(gossip(options, config)), (services) => Context.get(services, Gossip).keyring.size)
      const others = [8, 9].map((byte) => Buffer.alloc(16, byte).toString("base64"))
      const open = { host: "0.0.0.0", port: 0, keys: [key] } as const
      assert.strictEqual(yield* sizeWith(open), 1)
      assert.strictEqual(yield* sizeWith(open, { encryption: { keys: [] } }), 1)
      assert.strictEqual(yield* sizeWith(open, { encryption: { verifyIncoming: false } }), 1)
      assert.strictEqual(yield* sizeWith(open, { encryption: { keys: others } }), 2)
    })
  )

  it.live("a key that is none is found before a socket is opened", () =>
    Effect.gen(function* () {
      const port = yield* taken
      const said = yield* saying(GossipSocketNode.layer({ host: "0.0.0.0", port, keys: ["AAAA"] }))
      assert.strictEqual(said, "listen: keys: a key has 16, 24 or 32 bytes, not 3")
    })
  )
})

describe("what is not protected is said at the start, as docs/operations.md has it", () => {
  const [gossipHere = "", flowsHere = "", gossipAll = "", flowsAll = "", moving = "", health = ""] = documented.filter(
    (line) => /plaintext|not encrypted/.test(line)
  )

  it.live("by each layer", () =>
    Effect.gen(function* () {
      const [open, local] = ["0.0.0.0", "127.0.0.1"] as const
      assert.deepStrictEqual(yield* saying(TransportConnect.layer({ host: local, port: 0 })), [flowsHere])
      const all = TransportConnect.layer({ host: open, port: 0, insecure: true })
      assert.deepStrictEqual(yield* saying(all), [flowsAll])
      const port = yield* free
      assert.deepStrictEqual(yield* saying(TransportConnect.layer({ host: open, port: 0, tls, healthPort: port })), [
        health
      ])
      assert.include(yield* saying(gossip({ host: local, port: 0 })), gossipHere)
      assert.include(yield* saying(gossip({ host: open, port: 0, insecure: true })), gossipAll)
      const half = gossip({ host: open, port: 0, keys: [key] }, { encryption: { verifyIncoming: false } })
      assert.include(yield* saying(half), moving)
    })
  )

  it.live("by a whole host, at Warn if it is reached from elsewhere", () =>
    Effect.gen(function* () {
      const listen = { gossipPort: 0, flowPort: 0 }
      const start = (options: Grinta.Options) =>
        Effect.map(saying(Grinta.layer({ name: "a", listen, ...options })), (lines) =>
          [...lines].filter((line) => line.includes("plaintext")).sort()
        )
      const everywhere = { ...listen, host: "0.0.0.0" }
      assert.deepStrictEqual(yield* start({}), [flowsHere, gossipHere])
      assert.deepStrictEqual(yield* start({ keys: [key] }), [flowsHere])
      assert.deepStrictEqual(yield* start({ keys: [key], tls }), [])
      assert.deepStrictEqual(yield* start({ listen: everywhere, insecure: true }), [flowsAll, gossipAll])
      assert.deepStrictEqual(yield* start({ listen: everywhere, tls, insecure: true }), [gossipAll])
    })
  )

  it.live("and nothing of gossip within a process", () =>
    Effect.gen(function* () {
      const lines = yield* saying(Layer.provide(Grinta.layerMemory({ name: "a" }), MemoryNetwork.layer()))
      assert.notInclude(String(lines), "plaintext")
    })
  )
})

it("loopback is what this machine alone reaches", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost"])
    assert.isTrue(Exposure.isLocal(host), host)
  for (const host of ["0.0.0.0", "::", "", "10.0.0.1", "127.1", "localhost.example.com", "0x7f.0.0.1"])
    assert.isFalse(Exposure.isLocal(host), host)
})
