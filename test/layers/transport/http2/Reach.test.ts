/**
 * Whom a connect takes when owners are silent or refuse, on real sockets: what is asked before Open is written, and who is
 * asked after it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Fiber, Scope } from "effect"
import * as Dialling from "../../../../src/layers/fabric/Dialling.ts"
import * as Limits from "../../../../src/protocol/flow/Limits.ts"
import type { Host } from "../../../../src/services/Host.ts"
import { connectingBy, registryOf } from "../../fabric/World.ts"
import * as Caller from "./Caller.ts"
import * as RawPeer from "./RawPeer.ts"
import * as Certificates from "./tls/Certificates.ts"

const { data, goaway, headers, reset, type } = RawPeer

/** Accepts every flow. */
const welcome = (stream: number) => [headers(stream, RawPeer.good), data(stream, Caller.accepted)] as const

/** A peer, and how many streams were opened to it. */
const peerOf = Effect.fnUntraced(function* (
  onOpen: (stream: number, connection: RawPeer.Connection) => void,
  behaviour: RawPeer.Behaviour = {}
) {
  let opened = 0
  const { port, connections } = yield* RawPeer.serve({
    ...behaviour,
    onFrame: ({ kind, payload, stream }, connection) => {
      // The Open comes in the data behind the headers.
      if (kind !== type.data || payload.byteLength === 0) return
      opened += 1
      onOpen(stream, connection)
    }
  })
  return { port, connections, opened: () => opened }
})

const taking = peerOf((stream, { write }) => write(...welcome(stream)))

/** Connects to owners in this order, the nearest first. */
const connecting = Effect.fnUntraced(function* (ports: ReadonlyArray<number>, revision = 1) {
  const { transport } = yield* Caller.make()
  const entries = ports.map((port, index) => {
    const host: Host = {
      ...Caller.hostAt(port, "127.0.0.1", `h${index}`),
      revision,
      locality: `eu/${"eu/fra/r1/s1"
        .split("/")
        .slice(0, 4 - index)
        .join("/")}`
    }
    return { name: "echo", ownership: "group" as const, contract: 0n, host }
  })
  const { open } = yield* Dialling.make({
    selfId: "me",
    dial: transport.dial,
    answer: () => Effect.void,
    limits: Limits.defaults
  })
  const roundTrips = Object.fromEntries(ports.map((_, index) => [`h${index}`, 10 ** (index + 1)]))
  const fabric = yield* connectingBy({ registry: registryOf(entries), open, reach: transport.reach, roundTrips })
  /** Whom it took, and after how many milliseconds. */
  const connect = Effect.gen(function* () {
    const before = yield* Clock.currentTimeMillis
    const { peer } = yield* Caller.soon(fabric.connect(Caller.echo))
    return { took: peer.id, millis: (yield* Clock.currentTimeMillis) - before }
  })
  return { connect, transport }
})

describe("a connect to several owners", () => {
  it.live("passes over those that take the connection and say nothing, before they see a flow", () =>
    Effect.gen(function* () {
      const silent = [
        yield* peerOf(() => undefined, { isSilent: true }),
        yield* peerOf(() => undefined, { isSilent: true })
      ]
      const good = yield* taking
      const { connect } = yield* connecting([...silent.map(({ port }) => port), good.port])
      const first = yield* connect
      assert.strictEqual(first.took, "h2")
      assert.isAtMost(first.millis, 1_500)
      const second = yield* connect
      assert.strictEqual(second.took, "h2")
      assert.isAtMost(second.millis, 200)
    })
  )

  it.live("takes the same one, however many connect at a time", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* taking, yield* taking]
      const { connect } = yield* connecting([first.port, second.port])
      const all = yield* Effect.all(
        Array.from({ length: 10 }, () => connect),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual([...new Set(all.map(({ took }) => took))], ["h0"])
      assert.deepStrictEqual([first.opened(), second.opened()], [10, 0])
    })
  )

  it.live("passes over one that has served and is silent now, before it sees another flow", () =>
    Effect.gen(function* () {
      const good = yield* taking
      const deaf = yield* peerOf((stream, { write }) => write(...welcome(stream)), { isDeaf: true })
      const { connect, transport } = yield* connecting([deaf.port, good.port])
      yield* Effect.scoped(transport.dial({ ...Caller.hostAt(deaf.port, "127.0.0.1", "h0") }))
      const { millis, took } = yield* connect
      assert.strictEqual(took, "h1")
      assert.isAtMost(millis, 1_500)
      assert.deepStrictEqual([deaf.opened(), good.opened(), deaf.connections()], [0, 1, 1])
    })
  )

  const unseen: ReadonlyArray<readonly [string, (stream: number, connection: RawPeer.Connection) => void]> = [
    ["has refused the stream", (stream, { write }) => write(reset(stream, RawPeer.code.refused))],
    ["says that it never looked at the stream", (_, { write }) => write(goaway(0, RawPeer.code.none))]
  ]
  for (const [what, onOpen] of unseen)
    it.live(`asks the next one when one ${what}`, () =>
      Effect.gen(function* () {
        const [first, second] = [yield* peerOf(onOpen), yield* taking]
        const { connect } = yield* connecting([first.port, second.port])
        assert.strictEqual((yield* connect).took, "h1")
        assert.isAtLeast(first.opened(), 1)
      })
    )

  const seen: ReadonlyArray<readonly [string, (stream: number, connection: RawPeer.Connection) => void]> = [
    ["hangs up", (_, { socket }) => socket.destroy()],
    ["resets the stream", (stream, { write }) => write(reset(stream, RawPeer.code.cancel))],
    [
      "ends the stream without an answer",
      (stream, { write }) => write(headers(stream, RawPeer.good), data(stream, Caller.goodEnd, true))
    ],
    ["has a gateway that gives up", (stream, { write }) => write(headers(stream, { ":status": "504" }, true))]
  ]
  for (const [what, onOpen] of seen) {
    it.live(`asks nobody else when one of an older revision, which has read Open, ${what}`, () =>
      Effect.gen(function* () {
        const [first, second] = [yield* peerOf(onOpen), yield* taking]
        const { connect } = yield* connecting([first.port, second.port], 0)
        const error = yield* Effect.flip(connect)
        Caller.assertReason(error, "HostUnreachable")
        assert.strictEqual(error._tag === "NetworkError" && error.delivered, "maybe")
        assert.deepStrictEqual([first.opened(), second.opened()], [1, 0])
      })
    )

    it.live(`asks the next one when one that starts nothing before the second word ${what}`, () =>
      Effect.gen(function* () {
        const [first, second] = [yield* peerOf(onOpen), yield* taking]
        const { connect } = yield* connecting([first.port, second.port], 1)
        assert.strictEqual((yield* connect).took, "h1")
        assert.deepStrictEqual([first.opened(), second.opened()], [1, 1])
      })
    )
  }
})

describe("reaching a host", () => {
  it.live("asks a warm session by one PING, however many ask meanwhile", () =>
    Effect.gen(function* () {
      let pings = 0
      const peer = yield* RawPeer.serve({ onPing: () => (pings += 1) })
      const { transport } = yield* Caller.make()
      const host = Caller.hostAt(peer.port)
      yield* Caller.soon(
        Effect.forEach(Array.from({ length: 200 }), () => transport.reach(host), { concurrency: "unbounded" })
      )
      assert.strictEqual(peer.connections(), 1)
      assert.strictEqual(pings, 1)
    })
  )

  it.live("fails when nobody listens there", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port } = yield* Scope.provide(taking, scope)
      yield* Scope.close(scope, Exit.void)
      const { transport } = yield* Caller.make()
      Caller.assertReason(yield* Caller.soon(Effect.flip(transport.reach(Caller.hostAt(port)))), "HostUnreachable")
    })
  )

  it.live("tells nobody of a failure that was over before", () =>
    Effect.gen(function* () {
      const connected = yield* Deferred.make<void>()
      const peer = yield* RawPeer.serve({
        isSilent: true,
        onConnection: () => Deferred.doneUnsafe(connected, Effect.void)
      })
      const tls = { ...Certificates.make("an authority").issue("client"), fabric: "", host: "client" }
      const { transport } = yield* Caller.make({ tls, connectTimeout: "300 millis" })
      const dialling = yield* Effect.forkChild(Effect.scoped(transport.dial(Caller.hostAt(peer.port))))
      yield* Caller.soon(Deferred.await(connected))
      yield* Fiber.interrupt(dialling)
      yield* Effect.sleep("600 millis")
      yield* Caller.soon(Effect.flip(Effect.scoped(transport.dial(Caller.hostAt(peer.port)))))
      assert.strictEqual(peer.connections(), 2)
    })
  )
})
