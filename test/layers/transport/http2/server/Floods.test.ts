/**
 * Clients that do something too often, and those that share an address with them. Loopback has many addresses, so one of
 * them floods and the others are hosts of their own; `limitsLoopback` holds it to the rules of any network.
 *
 * Source: faults.md, rows H3 to H6; security.md, D-15.
 */
import * as http2 from "node:http2"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Ref } from "effect"
import * as DirectCall from "../../../../../src/layers/transport/http2/DirectCall.ts"
import type * as TransportConnect from "../../../../../src/layers/transport/TransportConnect.ts"
import * as FrameBytes from "../../../../../src/protocol/flow/FrameBytes.ts"
import * as Caller from "../Caller.ts"
import { asked, open, request, say, sayFrom } from "../RawClient.ts"
import * as RawPeer from "../RawPeer.ts"
import { server } from "../Server.ts"

const { code, data, frame, headers, reset, type } = RawPeer

const flooder = "127.0.0.2"
const neighbour = "127.0.0.3"

const many = (count: number, make: (index: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)))
const ids = (index: number) => 2 * index + 1
const ping = frame(type.ping, 0, 0, Buffer.alloc(8))
const settings = frame(type.settings, 0, 0)

/** A host, its log, and a flow to it that must not notice anything. */
const world = (config: TransportConnect.Options) =>
  Effect.gen(function* () {
    const log: Array<string> = []
    const logger = Logger.layer([
      // At Info a host says where it listens.
      Logger.make(({ logLevel, message }) => void (logLevel !== "Info" && log.push(String(message))))
    ])
    const host = yield* Effect.provide(server({ streamsMax: 100, ...config }), logger)
    const caller = yield* Caller.make(config.keepalive === undefined ? {} : { keepalive: config.keepalive })
    const witness = yield* caller.open(host.port)
    const untouched = Effect.gen(function* () {
      yield* witness.send(Uint8Array.of(42))
      assert.deepStrictEqual([...(yield* Caller.soon(witness.receive))], [42])
    })
    return { ...host, log, untouched }
  })

/** A flow of a client, which echoes one message at a time. */
const flowFrom = (address: string, port: number) =>
  Effect.gen(function* () {
    const client = yield* sayFrom(address, port, asked, data(1, open))
    let length = Caller.accepted.byteLength
    yield* client.until(() => client.answer(1).length >= length || client.socket.closed)
    const echo = Effect.suspend(() => {
      length += Caller.message.byteLength
      client.socket.write(data(1, Buffer.from(Caller.message)))
      return client.until(() => client.answer(1).length >= length || client.socket.closed)
    })
    return { ...client, echo, isServed: () => client.answer(1).length >= length }
  })

/** Whether a client at an address is served now: it hears something, or is closed before it does. */
const isTaken = (address: string, port: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* sayFrom(address, port)
      yield* client.until(() => client.socket.closed || client.heard().length > 0)
      return client.heard().length > 0
    })
  )

const emptyData = Buffer.concat([asked, many(3_000, () => data(1, Buffer.alloc(0)))])
const floods: ReadonlyArray<readonly [string, Buffer]> = [
  [
    "rapid reset",
    many(60_000, (index) => Buffer.concat([headers(ids(index), request), reset(ids(index), code.cancel)]))
  ],
  [
    "CONTINUATION",
    Buffer.concat([
      frame(type.headers, 0, 1, headers(1, request).subarray(9)),
      many(200, () => frame(9, 0, 1, Buffer.alloc(9500, 0)))
    ])
  ],
  ["streams beyond the limit", many(3_000, (index) => headers(ids(index), request))],
  ["headers that are none", many(3_000, (index) => headers(ids(index), { ...request, Upper: "case" }))],
  ["empty DATA", emptyData]
]

describe("an address that floods", () => {
  for (const [what, flood] of floods) {
    // Rapid reset keeps this process busy until it meets its bound, so no signs of life are asked for.
    it.live(
      `gets no new connection, and keeps what it has: ${what}`,
      () =>
        Effect.gen(function* () {
          const keepalive = { interval: "1 hour", timeout: "1 second" } as const
          const { log, port, untouched } = yield* world({ limitsLoopback: true, keepalive })
          const honest = yield* flowFrom(flooder, port)
          const { socket } = yield* sayFrom(flooder, port, flood)
          yield* Effect.repeat(Effect.sleep("10 millis"), { until: () => socket.closed })
          for (let i = 0; i < 3; i++) assert.isFalse(yield* isTaken(flooder, port))
          assert.isTrue(yield* isTaken(neighbour, port))
          yield* honest.echo
          assert.isTrue(honest.isServed())
          yield* untouched
          const said = log.filter((line) => line.startsWith(`${flooder} gets no new connection for 1m: a flood of`))
          assert.lengthOf(said, 1, log.join("\n"))
        }),
      60_000
    )
  }

  it.live("gets one again when its time is over", () =>
    Effect.gen(function* () {
      const { port, untouched } = yield* world({ limitsLoopback: true, banDuration: "300 millis" })
      yield* (yield* sayFrom(flooder, port, emptyData)).closed
      yield* Caller.soon(Effect.repeat(isTaken(flooder, port), { until: (taken) => taken }))
      yield* untouched
    })
  )

  it.live("is not shut out when it is loopback, which all processes of a machine share", () =>
    Effect.gen(function* () {
      const { log, port, untouched } = yield* world({})
      for (let i = 0; i < 3; i++) {
        yield* (yield* say(port, emptyData)).closed
        assert.isTrue(yield* isTaken("127.0.0.1", port))
      }
      yield* untouched
      assert.deepStrictEqual(log, [
        "a connection of 127.0.0.1 was closed: a flood of invalid frames, or of streams beyond the limit"
      ])
    })
  )

  const faults: ReadonlyArray<readonly [string, Buffer]> = [
    ["a frame that is too large", Buffer.concat([asked, Buffer.from([255, 255, 255, 0, 0, 0, 0, 0, 1])])],
    ["headers that are no HPACK", frame(type.headers, 4, 1, Buffer.alloc(6, 255))],
    ["DATA on a stream that is not there", data(1, Buffer.alloc(10))]
  ]
  for (const [what, fault] of faults) {
    it.live(`is none because of ${what}`, () =>
      Effect.gen(function* () {
        const { log, port, untouched } = yield* world({ limitsLoopback: true })
        yield* (yield* sayFrom(flooder, port, fault)).closed
        assert.isTrue(yield* isTaken(flooder, port))
        yield* untouched
        assert.deepStrictEqual(log, [])
      })
    )
  }
})

describe("control frames", () => {
  for (const [what, one] of [
    ["PING", ping],
    ["SETTINGS", settings]
  ] as const) {
    it.live(`more than a hundred ${what} at once: ENHANCE_YOUR_CALM, and another try`, () =>
      Effect.gen(function* () {
        const { log, port, untouched } = yield* world({ limitsLoopback: true })
        const client = yield* flowFrom(flooder, port)
        client.socket.write(many(300, () => one))
        yield* client.closed
        const last = client.heard().find(({ kind }) => kind === type.goaway)
        assert.strictEqual(last?.payload.readUInt32BE(4), code.calm)
        assert.isTrue(yield* isTaken(flooder, port))
        yield* untouched
        assert.deepStrictEqual(log, [`a connection of ${flooder} was closed: more than 10 PING and SETTINGS a second`])
      })
    )
  }

  it.live("in a flood from a client that does not read close its connection, and cost nobody else anything", () =>
    Effect.gen(function* () {
      const { log, port, untouched } = yield* world({ limitsLoopback: true })
      for (const [address, one] of [
        [flooder, ping],
        [neighbour, settings]
      ] as const) {
        const client = yield* sayFrom(address, port)
        client.socket.pause()
        client.socket.write(many(200_000, () => one))
        // A client that does not read does not see that it is closed, and two bounds may have been the first.
        yield* client.until(() => log.some((line) => line.includes(address)))
        yield* untouched
      }
    })
  )

  it.live("ninety at once are answered", () =>
    Effect.gen(function* () {
      const { log, port } = yield* world({})
      const client = yield* flowFrom(flooder, port)
      client.socket.write(many(90, () => ping))
      const answers = () => client.heard().filter(({ flags, kind }) => kind === type.ping && flags === 1).length
      yield* client.until(() => answers() === 90)
      yield* client.echo
      assert.isTrue(client.isServed())
      assert.deepStrictEqual(log, [])
    })
  )

  it.live("a PING for each message that comes, as clients measure the path, is no flood", () =>
    Effect.gen(function* () {
      const { log, port } = yield* world({})
      const session = yield* Effect.acquireRelease(
        Effect.sync(() => http2.connect(`http://127.0.0.1:${port}`).on("error", () => undefined)),
        (made) => Effect.sync(() => made.destroy())
      )
      const stream = session.request({
        ":method": "POST",
        ":path": DirectCall.path,
        "content-type": DirectCall.contentType,
        "connect-protocol-version": DirectCall.protocolVersion
      })
      const rounds = 1000
      const answered = yield* Ref.make(0)
      yield* Effect.callback<void, string>((resume) => {
        let pings = 0
        stream.on("error", () => undefined).on("close", () => resume(Effect.fail(`closed after ${pings}`)))
        stream.on("data", () => {
          session.ping(() => {
            pings += 1
            if (pings === rounds) resume(Ref.set(answered, pings))
            else stream.write(Caller.message)
          })
        })
        stream.write(open)
      }).pipe(Caller.soon)
      assert.strictEqual(yield* Ref.get(answered), rounds)
      assert.deepStrictEqual(log, [])
    })
  )
})

describe("connections", () => {
  it.live("of one address are so many, and one more is closed at once", () =>
    Effect.gen(function* () {
      const { log, port, untouched } = yield* world({ limitsLoopback: true, sessionsPerAddressMax: 3 })
      const flows = [yield* flowFrom(flooder, port), yield* flowFrom(flooder, port), yield* flowFrom(flooder, port)]
      for (let i = 0; i < 5; i++) assert.isFalse(yield* isTaken(flooder, port))
      assert.isTrue(yield* isTaken(neighbour, port))
      for (const flow of flows) {
        yield* flow.echo
        assert.isTrue(flow.isServed())
      }
      flows[0]?.socket.destroy()
      yield* Caller.soon(Effect.repeat(isTaken(flooder, port), { until: (taken) => taken }))
      yield* untouched
      assert.deepStrictEqual(log, [`${flooder} has 3 connections, and gets no more`])
    })
  )

  it.live("of loopback are as many as of all others together", () =>
    Effect.gen(function* () {
      // The witness has one already.
      const { log, port, untouched } = yield* world({ sessionsMax: 4, sessionsPerAddressMax: 1 })
      for (let i = 0; i < 3; i++) yield* flowFrom(flooder, port)
      for (let i = 0; i < 5; i++) assert.isFalse(yield* isTaken(neighbour, port))
      yield* untouched
      assert.deepStrictEqual(log, ["the flow port has 4 connections, and takes no more"])
    })
  )

  it.live(
    "whose clients read nothing are closed when they give no sign of life, whatever is still to be written",
    () =>
      Effect.gen(function* () {
        // The witness has one already.
        const keepalive = { interval: "100 millis", timeout: "500 millis" } as const
        const { port, untouched } = yield* world({ sessionsMax: 2, streamsMax: 1000, keepalive })
        const client = yield* flowFrom(flooder, port)
        assert.isFalse(yield* isTaken(neighbour, port))
        client.socket.pause()
        const most = Buffer.from([0, 4, 0x3f, 0, 0, 0])
        client.socket.write(
          Buffer.concat([frame(type.settings, 0, 0, most), frame(type.windowUpdate, 0, 0, most.subarray(2))])
        )
        const large = Buffer.from(
          FrameBytes.encode({ _tag: "Data", messages: [new Uint8Array(15_000)], partial: false })
        )
        for (let id = 3; id < 1600; id += 2)
          client.socket.write(
            Buffer.concat([headers(id, request), data(id, open), ...[1, 2, 3, 4].map(() => data(id, large))])
          )
        // What it sent is read while its answer is overdue, so it is taken for a slow path, which has more time.
        const closed = Effect.repeat(isTaken(neighbour, port), { until: (taken) => taken })
        yield* Effect.timeout(closed, "50 seconds")
        yield* untouched
      }),
    60_000
  )
})
