import * as Dgram from "node:dgram"
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Option, Schedule, Scope } from "effect"
import * as GossipSwim from "../../../../src/layers/gossip/GossipSwim.ts"
import * as GossipSocketNode from "../../../../src/layers/gossip/socket/GossipSocketNode.ts"
import { format } from "../../../../src/protocol/Address.ts"
import { Gossip } from "../../../../src/services/Gossip.ts"
import { type Datagram, GossipSocket } from "../../../../src/services/GossipSocket.ts"
import * as Cluster from "../Cluster.ts"

const host = "127.0.0.1"
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (value: Uint8Array): string => new TextDecoder().decode(value)

const profile = {
  probeIntervalMillis: 100,
  probeTimeoutMillis: 50,
  gossipIntervalMillis: 20,
  pushPullIntervalMillis: 1000
} as const

/** Waits until something holds, for much longer than it should take. */
const eventually = Effect.fnUntraced(function* <E, R>(what: string, condition: Effect.Effect<boolean, E, R>) {
  const held = yield* condition.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (holds) => holds }),
    Effect.timeoutOption("10 seconds")
  )
  assert.isTrue(Option.isSome(held), what)
})

const open = Effect.fnUntraced(function* (port = 0) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const services = yield* Layer.buildWithScope(GossipSocketNode.layer({ host, port }), scope)
  const socket = yield* Effect.provide(GossipSocket, services)
  return { socket, close: Scope.close(scope, Exit.void) }
})

const start = Effect.fnUntraced(function* (name: string, config: Partial<GossipSwim.Config> = {}) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = GossipSwim.layer({ fabric: "test", seeds: [], meta: { flowPort: 0 }, profile, ...config }).pipe(
    Layer.provideMerge(GossipSocketNode.layer({ host, port: 0 })),
    Layer.provide(Cluster.self(name))
  )
  const services = yield* Layer.buildWithScope(layer, scope)
  const running = Effect.gen(function* () {
    return { name, gossip: yield* Gossip, socket: yield* GossipSocket, close: Scope.close(scope, Exit.void) }
  })
  return yield* Effect.provide(running, services)
})

/** Sockets, servers and timers of this process. */
const resources = Effect.sync(() => {
  const active = process.getActiveResourcesInfo()
  return {
    sockets: active.filter((kind) => /TCP|UDP|GetAddrInfo/.test(kind)).length,
    timers: active.filter((kind) => kind === "Timeout").length
  }
})

/** Waits until no more is open than before; the waiting has a timer of its own. */
const assertNothingLeft = (before: Effect.Success<typeof resources>) =>
  eventually(
    "nothing is left",
    Effect.map(resources, ({ sockets, timers }) => sockets <= before.sockets && timers <= before.timers + 1)
  )

const listenOn = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer()
      server.listen(port, host, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
  )

const portOf = (server: Net.Server): number => {
  const bound = server.address()
  return bound !== null && typeof bound !== "string" ? bound.port : 0
}

describe("a gossip port on Node", () => {
  it.live("has one number for datagrams and streams, and carries both", () =>
    Effect.gen(function* () {
      const { socket: a } = yield* open()
      const { socket: b } = yield* open()
      assert.isAbove(a.address.port, 0)
      yield* a.send(b.address, bytes("hello"))
      const [datagram] = yield* b.receive
      assert.strictEqual(text(datagram.payload), "hello")
      assert.strictEqual(format(datagram.from), format(a.address))
      yield* b.serve((stream) =>
        Effect.gen(function* () {
          const question = yield* stream.read
          yield* stream.write(bytes(`you said ${text(question)}`))
          yield* stream.end
        }).pipe(Effect.ignore)
      )
      const stream = yield* a.dial(b.address)
      yield* stream.write(bytes("hi"))
      assert.strictEqual(text(yield* stream.read), "you said hi")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(stream.read)))
    })
  )

  it.live("refuses a port that is taken, with a sentence that says what to do", () =>
    Effect.gen(function* () {
      const port = portOf(yield* listenOn(0))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(GossipSocketNode.layer({ host, port }))))
      assert.strictEqual(error.operation, "listen")
      assert.strictEqual(error.reason._tag, "InvalidConfig")
      assert.strictEqual(
        error.message,
        `listen: gossipPort: TCP port ${port} on 127.0.0.1 is in use by another program: stop that one, or choose another port (0 lets the system choose)`
      )
    })
  )

  it.live("refuses a port that is taken for datagrams only, and lets go of the other half", () =>
    Effect.gen(function* () {
      const taken = yield* Effect.acquireRelease(
        Effect.callback<Dgram.Socket>((resume) => {
          const socket = Dgram.createSocket("udp4")
          socket.bind(0, host, () => resume(Effect.succeed(socket)))
        }),
        (socket) => Effect.sync(() => socket.close())
      )
      const { port } = taken.address()
      const error = yield* Effect.flip(Effect.scoped(Layer.build(GossipSocketNode.layer({ host, port }))))
      assert.include(error.message, `UDP port ${port} on 127.0.0.1 is in use`)
      yield* Effect.scoped(listenOn(port))
    })
  )

  it.live("refuses an address of another machine", () =>
    Effect.gen(function* () {
      const layer = GossipSocketNode.layer({ host: "203.0.113.1", port: 0, insecure: true })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(error.message, "listen: host: 203.0.113.1 is no address of this machine")
    })
  )

  it.live("refuses to dial where nobody listens, and looks up names", () =>
    Effect.gen(function* () {
      const { socket } = yield* open()
      const port = yield* Effect.scoped(Effect.map(listenOn(0), portOf))
      const refused = yield* Effect.flip(Effect.scoped(socket.dial({ bytes: socket.address.bytes, port })))
      assert.strictEqual(refused.how, "refused")
      const found = yield* socket.lookup("localhost")
      assert.isTrue(found.some((address) => address.length === 4 || address.length === 16))
      assert.strictEqual((yield* Effect.flip(socket.lookup("no-such-host.invalid"))).how, "unknown")
    })
  )

  it.live("advertises an address of this machine when bound to all", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(GossipSocketNode.layer({ host: "0.0.0.0", port: 0, insecure: true }))
      const { address, ...socket } = yield* Effect.provide(GossipSocket, services)
      const advertised = yield* socket.advertised
      assert.deepStrictEqual([...address.bytes], [0, 0, 0, 0])
      assert.notDeepEqual([...advertised.bytes], [0, 0, 0, 0])
      assert.strictEqual(advertised.port, address.port)
    })
  )

  it.live("holds so many bytes of what came and nobody has taken", () =>
    Effect.gen(function* () {
      const { socket: a } = yield* open()
      const { socket: b } = yield* open()
      const payload = new Uint8Array(60_000)
      const most = Math.floor(8_388_608 / payload.length)
      for (let i = 0; i < 2 * most; i++) {
        yield* a.send(b.address, payload)
        if (i % 8 === 7) yield* Effect.sleep("2 millis")
      }
      yield* eventually(
        "some are dropped",
        Effect.map(b.counters, ({ receiveDropped = 0 }) => receiveDropped > 0)
      )
      assert.strictEqual((yield* b.receive).length, most)
      yield* a.send(b.address, payload)
      assert.isAtLeast((yield* b.receive).length, 1)
    })
  )

  it.live("counts what it cannot send", () =>
    Effect.gen(function* () {
      const { socket } = yield* open()
      yield* socket.send({ bytes: new Uint8Array(16).fill(1), port: 9 }, bytes("x"))
      yield* socket.send(socket.address, new Uint8Array(65_508))
      yield* eventually(
        "both are counted",
        Effect.map(socket.counters, ({ sendFailed }) => sendFailed === 2)
      )
    })
  )

  it.live("opens its datagram socket again when that is closed underneath it", () =>
    Effect.gen(function* () {
      const { socket: a } = yield* open()
      const { socket: b } = yield* open()
      const got: Array<Datagram> = []
      yield* Effect.forkScoped(Effect.forever(Effect.map(b.receive, (batch) => got.push(...batch))))
      yield* a.send(b.address, bytes("before"))
      yield* eventually(
        "the first arrives",
        Effect.sync(() => got.length === 1)
      )
      const handles: unknown = Reflect.get(process, "_getActiveHandles").call(process)
      if (Array.isArray(handles))
        for (const handle of handles)
          if (handle instanceof Dgram.Socket && handle.address().port === b.address.port) handle.close()
      yield* eventually(
        "it is open again",
        Effect.map(b.counters, ({ udpReopened }) => udpReopened === 1)
      )
      yield* a.send(b.address, bytes("after"))
      yield* eventually(
        "the second arrives",
        Effect.sync(() => got.length === 2)
      )
    })
  )

  it.live("is gone with its scope, even while peers stall", () =>
    Effect.gen(function* () {
      const before = yield* resources
      const { close, socket } = yield* open()
      const started: Array<number> = []
      yield* socket.serve((stream) =>
        Effect.andThen(
          Effect.sync(() => started.push(1)),
          Effect.ignore(Effect.forever(stream.write(new Uint8Array(1_000_000))))
        )
      )
      const { port } = socket.address
      const silent = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Net.connect(port, host)
            .pause()
            .on("error", () => undefined)
        ),
        (conn) => Effect.sync(() => conn.destroy())
      )
      yield* eventually(
        "the peer is served",
        Effect.sync(() => started.length === 1)
      )
      yield* close
      silent.destroy()
      yield* assertNothingLeft(before)
    }).pipe(Effect.scoped)
  )
})

describe("membership over real sockets", () => {
  it.live("three hosts join, see each other, and see one leave", () =>
    Effect.gen(function* () {
      const before = yield* resources
      yield* Effect.gen(function* () {
        const a = yield* start("a")
        const seeds = [format(a.socket.address)]
        const b = yield* start("b", { seeds })
        const c = yield* start("c", { seeds })
        for (const each of [a, b, c])
          yield* eventually(
            `${each.name} sees all`,
            Effect.map(Cluster.view(each), (view) => view === "a:alive b:alive c:alive")
          )
        yield* c.close
        for (const each of [a, b])
          yield* eventually(
            `${each.name} sees c leave`,
            Effect.map(Cluster.view(each), (view) => view === "a:alive b:alive c:left")
          )
        const d = yield* start("d")
        assert.strictEqual(yield* d.gossip.join([`localhost:${a.socket.address.port}`, ...seeds]), 1 + 1)
        yield* d.gossip.leave
      }).pipe(Effect.scoped)
      yield* assertNothingLeft(before)
    })
  )

  it.live("a host whose datagram socket was closed comes back", () =>
    Effect.gen(function* () {
      const a = yield* start("a")
      const b = yield* start("b", { seeds: [format(a.socket.address)] })
      yield* eventually(
        "they see each other",
        Effect.map(Cluster.view(a), (view) => view === "a:alive b:alive")
      )
      const handles: unknown = Reflect.get(process, "_getActiveHandles").call(process)
      if (Array.isArray(handles))
        for (const handle of handles)
          if (handle instanceof Dgram.Socket && handle.address().port === b.socket.address.port) handle.close()
      yield* eventually(
        "it is open again",
        Effect.map(b.socket.counters, ({ udpReopened }) => udpReopened === 1)
      )
      yield* Effect.sleep("500 millis")
      assert.strictEqual(yield* Cluster.view(a), "a:alive b:alive")
    })
  )

  it.live("a stream that says nothing is closed at its deadline", () =>
    Effect.gen(function* () {
      const a = yield* start("a", { streamTimeout: "200 millis" })
      const conn = yield* Effect.acquireRelease(
        Effect.sync(() => Net.connect(a.socket.address.port, host)),
        (conn) => Effect.sync(() => conn.destroy())
      )
      yield* Effect.callback<void>((resume) => void conn.on("close", () => resume(Effect.void)).resume())
      assert.strictEqual((yield* a.gossip.counters)["stream.timeout"], 1)
    })
  )
})
