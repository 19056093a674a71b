/**
 * What one peer may do on all of its sessions together, at its address or under the name that it has proven, while others on
 * the same port notice nothing. `limitsLoopback` holds loopback to the rules of any network.
 *
 * Source: faults.md, rows H3 to H6; security.md, D-15.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel"
import * as http2 from "node:http2"
import * as net from "node:net"
import * as tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import * as Serving from "../../../../../src/layers/flow/Serving.ts"
import * as Ends from "../../../../../src/layers/transport/http2/Ends.ts"
import { streamsPerTurn } from "../../../../../src/layers/transport/http2/server/Pauses.ts"
import * as Conduct from "../../../../../src/protocol/flow/Conduct.ts"
import * as FrameBytes from "../../../../../src/protocol/flow/FrameBytes.ts"
import * as Gate from "../../../../../src/protocol/flow/Gate.ts"
import * as Caller from "../Caller.ts"
import { asked, open, paths, request, sayFrom } from "../RawClient.ts"
import * as RawPeer from "../RawPeer.ts"
import { limited as world } from "../Server.ts"
import * as Certificates from "../tls/Certificates.ts"

const { code, data, frame, headers, reset, type } = RawPeer

const flooder = "127.0.0.2"
const neighbour = "127.0.0.3"

const many = (count: number, make: (index: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)))

/** What a counter of this process says of a reason. */
const counted = (id: string, reason: string) =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics.reduce(
      (sum, metric) =>
        metric.id === id && metric.type === "Counter" && metric.attributes?.reason === reason
          ? sum + Number(metric.state.count)
          : sum,
      0
    )
  )

/** A flow of a client, and what was answered first. */
const flowFrom = (address: string, port: number) =>
  Effect.gen(function* () {
    const client = yield* sayFrom(address, port, asked, data(1, open))
    yield* client.until(() => client.answer(1).length > 0 || client.socket.closed)
    return { ...client, isAccepted: client.answer(1) === Buffer.from(Caller.accepted).toString("latin1") }
  })

describe("one peer, on all of its sessions", () => {
  it.live("floods, and is told of once", () =>
    Effect.gen(function* () {
      const { log, port } = yield* world({})
      const empty = Buffer.concat([asked, many(3_000, () => data(1, Buffer.alloc(0)))])
      const clients = [yield* sayFrom(flooder, port), yield* sayFrom(flooder, port), yield* sayFrom(flooder, port)]
      for (const { closed, socket } of clients) {
        socket.write(empty)
        yield* closed
      }
      assert.lengthOf(log, 1, log.join("\n"))
    })
  )

  it.live(
    "resets so many streams, and is then a flood, though none of its sessions is",
    () =>
      Effect.gen(function* () {
        const { log, port } = yield* world({})
        const before = yield* counted("grinta_connections_closed", "resets")
        const clients = []
        for (let i = 0; i < 5; i++) clients.push(yield* sayFrom(flooder, port))
        const isFlood = () => log.some((line) => line.includes("reset"))
        for (let sent = 0; sent < Conduct.resetsBurst - 100 && !isFlood(); sent += 100) {
          const batch = many(100, (at) =>
            Buffer.concat([headers(2 * (sent + at) + 1, request), reset(2 * (sent + at) + 1, code.cancel)])
          )
          for (const { socket } of clients) if (!socket.destroyed) socket.write(batch)
          yield* Effect.sleep("10 millis")
        }
        yield* Effect.timeout(Effect.repeat(Effect.sleep("10 millis"), { until: isFlood }), "40 seconds")
        assert.include(log, `${flooder} gets no new connection for 1m: a flood of streams that were reset`)
        assert.isAbove(yield* counted("grinta_connections_closed", "resets"), before)
        assert.isTrue((yield* flowFrom(neighbour, port)).isAccepted)
      }),
    60_000
  )

  it.live("takes no place at an endpoint that is kept for others", () =>
    Effect.gen(function* () {
      const busy = yield* counted("grinta_flows_refused", "EndpointBusy")
      const { port } = yield* world({}, { ...Serving.defaults, concurrency: 8, backlog: 0 })
      for (let i = 0; i < 7; i++) assert.isTrue((yield* flowFrom(flooder, port)).isAccepted)
      const refused = yield* flowFrom(flooder, port)
      assert.isFalse(refused.isAccepted)
      assert.isTrue((yield* flowFrom(neighbour, port)).isAccepted)
      assert.strictEqual(yield* counted("grinta_flows_refused", "EndpointBusy"), busy + 1)
    })
  )

  it.live("may break HTTP/2 now and then, and not again and again", () =>
    Effect.gen(function* () {
      const { log, port } = yield* world({})
      for (let i = 0; i < Conduct.faultsBurst; i++)
        yield* (yield* sayFrom(flooder, port, data(1, Buffer.alloc(10)))).closed
      assert.deepStrictEqual(log, [])
      yield* Effect.repeat(
        Effect.scoped(Effect.flatMap(sayFrom(flooder, port, data(1, Buffer.alloc(10))), (one) => one.closed)),
        {
          until: () => log.length > 0
        }
      )
      assert.deepStrictEqual(log, [
        `${flooder} gets no new connection for 1m: a flood of connections that break HTTP/2`
      ])
    })
  )
})

describe("a connection whose peer says nothing", () => {
  it.live("is counted when it ends, once and by its reason", () =>
    Effect.gen(function* () {
      const { port } = yield* world({})
      const unused = counted("grinta_connections_closed", "unused")
      const before = yield* unused
      const isCounted = Effect.map(unused, (now) => now === before + 1)
      const socket = net.connect(port, "127.0.0.1").on("connect", () => socket.destroy())
      yield* Caller.soon(Effect.repeat(Effect.delay(isCounted, "10 millis"), { until: (is) => is }))
      yield* (yield* sayFrom(flooder, port, data(1, Buffer.alloc(10)))).closed
      yield* flowFrom(neighbour, port)
      assert.isTrue(yield* isCounted)
    })
  )
})

describe("frames that bring nothing", () => {
  const bomb = Buffer.concat([headers(1, request).subarray(9), Buffer.alloc(8000, 0x82)])
  const said = FrameBytes.encode({ _tag: "Data", messages: [new Uint8Array(1000)], partial: false })
  const wastes: ReadonlyArray<readonly [string, (round: number) => Buffer]> = [
    ["windows", () => many(5000, () => frame(type.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1])))],
    ["headers that are too many", (round) => many(8, (at) => frame(type.headers, 5, 2 * (8 * round + at) + 1, bomb))],
    [
      "frames of a flow, byte by byte",
      (round) =>
        round === 0
          ? Buffer.concat([asked, data(1, open)])
          : many(said.length, (at) => data(1, said.subarray(at, at + 1)))
    ]
  ]
  for (const [what, waste] of wastes)
    it.live(`end a session, and it was a flood: ${what}`, () =>
      Effect.gen(function* () {
        const { log, port } = yield* world({})
        const before = yield* counted("grinta_connections_closed", "waste")
        const { heard, socket } = yield* sayFrom(flooder, port)
        for (let round = 0; round < 1000 && !socket.closed; round++) {
          if (!socket.destroyed) socket.write(waste(round))
          yield* Effect.sleep("5 millis")
        }
        assert.isTrue(socket.closed)
        assert.isTrue(
          heard().some(({ kind, payload }) => kind === type.goaway && payload.readUInt32BE(4) === code.calm)
        )
        assert.deepStrictEqual(log, [`${flooder} gets no new connection for 1m: a flood of frames that bring nothing`])
        assert.strictEqual(yield* counted("grinta_connections_closed", "waste"), before + 1)
        assert.isTrue((yield* flowFrom(neighbour, port)).isAccepted)
      })
    )
})

describe("messages that nobody reads yet", () => {
  for (const [how, asking] of paths)
    it.live(`are no waste, however many windows they fill: ${how}`, () =>
      Effect.gen(function* () {
        const { log, port } = yield* world({})
        // No window: nothing comes back, so the handler reads no more, and nothing that is sent pays for what comes.
        const noWindow = frame(type.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]))
        const client = yield* sayFrom(flooder, port, noWindow, frame(type.settings, 1, 0))
        const ids = Array.from({ length: 240 }, (_, at) => 2 * at + 1)
        const message = Buffer.from(
          FrameBytes.encode({ _tag: "Data", messages: [new Uint8Array(16_000)], partial: false })
        )
        client.socket.write(Buffer.concat(ids.map((id) => Buffer.concat([asking(id), data(id, open)]))))
        for (let i = 0; i < 14; i++) {
          // By then it has some of its windows back.
          if (i === 9) yield* Effect.sleep("500 millis")
          client.socket.write(Buffer.concat(ids.map((id) => data(id, message))))
          yield* Effect.sleep("5 millis")
        }
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(log, [])
        assert.isFalse(client.socket.closed)
      })
    )
})

describe("a peer that has proven its name", () => {
  const authority = Certificates.make("an authority")
  const issued = new Map(["server", "a", "b"].map((host) => [host, authority.issue(host)] as const))
  const materialOf = (host: string) => issued.get(host) ?? authority.issue(host)

  /** A session of a host, from one address; whether it answers a PING. */
  const sessionOf = (host: string, port: number) =>
    Effect.gen(function* () {
      const { authorities: ca, certificate: cert, key } = materialOf(host)
      const secrets = { ca, cert, key, rejectUnauthorized: false, ALPNProtocols: ["h2"] }
      const session = yield* Effect.acquireRelease(
        Effect.sync(() =>
          http2
            .connect("https://a", {
              createConnection: () =>
                tls.connect({ socket: net.connect({ host: "127.0.0.1", port, localAddress: flooder }), ...secrets })
            })
            .on("error", () => undefined)
        ),
        (made) => Effect.sync(() => made.destroy())
      )
      const isTaken = yield* Effect.callback<boolean>((resume) => {
        session.once("close", () => resume(Effect.succeed(false)))
        session.once("connect", () => session.ping((error) => resume(Effect.succeed(error === null))))
      }).pipe(Caller.soon)
      return { session, isTaken }
    })

  it.live("counts apart from others at its address", () =>
    Effect.gen(function* () {
      const config = { ...materialOf("server"), fabric: "", host: "server" }
      const before = yield* counted("grinta_connections_refused", "crowded")
      // More than one address may have that proves nothing.
      const { log, port } = yield* world({ tls: config, sessionsPerAddressMax: 3 })
      for (let i = 0; i < Gate.sessionsPerPeerMax; i++) assert.isTrue((yield* sessionOf("a", port)).isTaken, `${i}`)
      assert.isFalse((yield* sessionOf("a", port)).isTaken)
      assert.deepStrictEqual(log, [`host a has ${Gate.sessionsPerPeerMax} connections, and gets no more`])
      const { isTaken } = yield* sessionOf("b", port)
      assert.isTrue(isTaken)
      assert.strictEqual(yield* counted("grinta_connections_refused", "crowded"), before + 1)
      const caller = yield* Caller.make({ tls: { ...materialOf("a"), fabric: "", host: "a" } }, "a")
      const error = yield* Effect.flip(Caller.soon(Effect.scoped(caller.open(port))))
      assert.strictEqual(Caller.reasonOf(error), "HostUnreachable")
      assert.include(String(error), "it has as many connections of this peer as it takes")
    })
  )
})

describe("the ends of many streams at once", () => {
  it.live("are told in their order, some in each turn", () =>
    Effect.gen(function* () {
      const told: Array<number> = []
      const turns: Array<number> = []
      const all = Array.from({ length: 10_000 }, (_, at) => ({
        onEnd: () => void told.push(2 * at),
        onClose: () => void told.push(2 * at + 1)
      }))
      for (const one of all) {
        Ends.ended(one)
        Ends.closed(one)
      }
      for (let before = 0; before < 20_000; before = told.length) {
        turns.push(told.length - (turns.length === 0 ? 0 : before))
        yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
        assert.isAtMost(told.length - before, 2 * Ends.endsPerTurn)
      }
      assert.deepStrictEqual(
        told,
        Array.from({ length: 20_000 }, (_, at) => at)
      )
      assert.strictEqual(turns[0], Ends.endsPerTurn)
    })
  )

  it.live("are told at once where few are", () =>
    Effect.gen(function* () {
      // What was told before is of turns that are over.
      yield* Effect.callback<void>((resume) => void setImmediate(() => setImmediate(() => resume(Effect.void))))
      let told = 0
      for (let i = 0; i < Ends.endsPerTurn; i++) Ends.closed({ onEnd: () => undefined, onClose: () => void told++ })
      assert.strictEqual(told, Ends.endsPerTurn)
    })
  )
})

describe("the streams of one peer", () => {
  it.live("come over several turns, however many sockets they wait in", () =>
    Effect.gen(function* () {
      const { port } = yield* world({})
      const clients = []
      for (let i = 0; i < 32; i++) clients.push(yield* sayFrom(flooder, port))
      yield* Effect.forEach(clients, ({ heard, until }) => until(() => heard().length > 1))
      let [total, inTurn, most, isOver] = [0, 0, 0, false]
      const onStream = () => {
        total += 1
        inTurn += 1
        most = Math.max(most, inTurn)
      }
      const turn = () => {
        inTurn = 0
        if (!isOver) setImmediate(turn)
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => subscribe("http2.server.stream.created", onStream)),
        () =>
          Effect.sync(() => {
            isOver = true
            unsubscribe("http2.server.stream.created", onStream)
          })
      )
      turn()
      const streams = 200
      const all = many(streams, (at) => Buffer.concat([headers(2 * at + 1, request), reset(2 * at + 1, code.cancel)]))
      for (const { socket } of clients) socket.write(all)
      yield* Caller.soon(Effect.repeat(Effect.sleep("10 millis"), { until: () => total === 32 * streams }))
      assert.isAtMost(most, streamsPerTurn + streams)
    })
  )
})
