/**
 * What calls of foreign clients may cost: frames that wait take what they take on the wire, and a call that is no flow gets a
 * little of everything.
 */
import * as http2 from "node:http2"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Serving from "../../../../../src/layers/flow/Serving.ts"
import * as Bounds from "../../../../../src/layers/transport/http2/foreign/Bounds.ts"
import * as TransportConnect from "../../../../../src/layers/transport/TransportConnect.ts"
import * as Allowance from "../../../../../src/protocol/flow/Allowance.ts"
import * as Envelope from "../../../../../src/protocol/flow/Envelope.ts"
import type * as Frame from "../../../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../../../src/protocol/flow/FrameBytes.ts"
import * as Limits from "../../../../../src/protocol/flow/Limits.ts"
import { Transport } from "../../../../../src/services/Transport.ts"
import { freePort } from "../../../../interop/Processes.ts"
import { open, say, sayFrom } from "../RawClient.ts"
import * as RawPeer from "../RawPeer.ts"
import { server } from "../Server.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const heapBytes = () => {
  collect()
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const until = (holds: () => boolean) =>
  Effect.timeout(Effect.repeat(Effect.sleep("10 millis"), { until: holds }), "60 seconds")

const session = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => http2.connect(`http://127.0.0.1:${port}`).on("error", () => undefined)),
    (made) => Effect.sync(() => made.destroy())
  )

const headersOf = (path: string) => ({
  ":method": "POST",
  ":path": path,
  "content-type": "application/grpc",
  te: "trailers"
})

const zipped = (frame: Uint8Array) => {
  const bytes = Buffer.from(Envelope.wrap(gzipSync(frame.subarray(Envelope.headerBytes))))
  bytes[0] = 1
  return bytes
}

describe("flows over gRPC", () => {
  it.live("that say nothing have so many places, and give them back once they do", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ keepalive, streamsMax: 10_000 }, { ...Serving.defaults, openTimeout: "1 hour" })
      const ask = (stream: number) => asking(stream, "/grinta.v1.FlowService/Open")
      const ids = Array.from({ length: 250 }, (_, index) => 2 * index + 1)
      const clients: Array<Client> = []
      for (let i = 0; i < 5; i++) clients.push(yield* say(port, ...ids.map(ask)))
      const refused = (client: Client) => ids.filter((id) => resetOf(client, id) === code.refused)
      const count = () => clients.reduce((sum, client) => sum + refused(client).length, 0)
      yield* until(() => count() === 5 * 250 - Bounds.silentMax)
      const [first] = clients
      if (first === undefined) return
      first.socket.write(data(1, open))
      yield* until(() => isAnswered(first, 1))
      first.socket.write(Buffer.concat([ask(501), ask(503)]))
      yield* until(() => resetOf(first, 503) === code.refused)
      assert.isUndefined(resetOf(first, 501))
    })
  )

  it.live("whose messages nobody takes cost about their bytes, however many messages those are", () =>
    Effect.gen(function* () {
      const transport = Context.get(yield* Layer.build(TransportConnect.layer({ port: 0 })), Transport)
      const held: Array<Frame.Frame> = []
      yield* transport.serve((link) =>
        Effect.andThen(
          Effect.sync(() => {
            link.attach({
              onFrame: (frame) => {
                held.push(frame)
                return frame._tag === "Open"
              },
              onEnd: () => undefined,
              onBroken: () => undefined,
              onRoom: () => undefined
            })
            link.goOn()
          }),
          Effect.never
        )
      )
      const frame = FrameBytes.encode({
        _tag: "Data",
        messages: Array.from({ length: Limits.frameMessagesMax }, () => new Uint8Array()),
        partial: false
      })
      const client = yield* session(transport.flowPort)
      const call = (): void => {
        const stream = client.request({ ...headersOf("/grinta.v1.FlowService/Open"), "grpc-encoding": "gzip" })
        stream.on("error", () => undefined).write(Buffer.concat([open, zipped(frame), zipped(frame), zipped(frame)]))
      }
      call()
      yield* until(() => held.length === 2)
      const before = heapBytes()
      const calls = 40
      for (let i = 0; i < calls; i++) call()
      yield* until(() => held.length === 2 * (calls + 1))
      const bytes = (heapBytes() - before) / calls
      assert.isBelow(bytes, 8 * frame.byteLength)
      assert.strictEqual(held[1]?._tag === "Data" ? held[1].messages.length : 0, Limits.frameMessagesMax)
    })
  )
})

const { code, data, headers, type } = RawPeer
const keepalive = { interval: "1 hour", timeout: "1 second" } as const
const [check, watch, reflection] = [
  "/grpc.health.v1.Health/Check",
  "/grpc.health.v1.Health/Watch",
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
]
const asking = (stream: number, path: string, end = false) =>
  headers(stream, { ":scheme": "http", ":authority": "a", ...headersOf(path) }, end)
const question = Envelope.wrap(new Uint8Array())

type Client = Effect.Success<ReturnType<typeof say>>

/** What the server has said to end a stream by itself. */
const resetOf = (client: Client, stream: number): number | undefined =>
  client
    .heard()
    .find((one) => one.kind === type.reset && one.stream === stream)
    ?.payload.readUInt32BE(0)

const isAnswered = (client: Client, stream: number): boolean => client.answer(stream).length > 0

describe("calls that are no flows", () => {
  for (const [what, path, bytesMax] of [
    ["a check", check, Bounds.check.bodyBytesMax],
    ["a watch", watch, Bounds.watch.bodyBytesMax],
    ["reflection", reflection, Bounds.reflection.bodyBytesMax]
  ] as const)
    it.live(`${what} that says more than it may is reset as it comes, and its neighbour is not`, () =>
      Effect.gen(function* () {
        const { port } = yield* server({ keepalive })
        const pieces = (stream: number, bytes: number) =>
          Array.from({ length: Math.ceil(bytes / 16_000) }, (_, i) =>
            data(stream, Buffer.alloc(Math.min(16_000, bytes - 16_000 * i), 1))
          )
        // The bytes of a message that never ends, as many as it may have, and one more.
        const begun = Uint8Array.of(0, 0, 0, (bytesMax >> 8) & 255, bytesMax & 255)
        const client = yield* say(
          port,
          ...[asking(1, path), data(1, begun), ...pieces(1, bytesMax - begun.byteLength)],
          ...[asking(3, watch), data(3, question, true)]
        )
        yield* client.until(() => isAnswered(client, 3))
        assert.isUndefined(resetOf(client, 1))
        client.socket.write(data(1, Uint8Array.of(0)))
        yield* client.until(() => resetOf(client, 1) !== undefined)
        assert.strictEqual(resetOf(client, 1), code.calm)
        assert.isUndefined(resetOf(client, 3))
      })
    )

  it.live("that come at once with more than they may say are reset, those that wait for their turn as well", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ keepalive })
      const ids = Array.from({ length: 60 }, (_, i) => 2 * i + 1)
      const many = Buffer.alloc(Bounds.check.bodyBytesMax + 1)
      const client = yield* say(port, ...ids.flatMap((id) => [asking(id, check), data(id, many)]))
      yield* client.until(() => ids.every((id) => resetOf(client, id) !== undefined || client.isEnded(id)))
      assert.deepStrictEqual(
        ids.map((id) => resetOf(client, id)),
        ids.map(() => code.calm)
      )
    })
  )

  for (const [what, path, most] of [
    ["a check", check, Bounds.check.messagesMax],
    ["a watch", watch, Bounds.watch.messagesMax],
    ["reflection", reflection, Bounds.reflection.messagesMax]
  ] as const)
    it.live(`${what} with a message more than it may have ends at once`, () =>
      Effect.gen(function* () {
        const { port } = yield* server({ keepalive })
        const all = (count: number) => Buffer.concat(Array.from({ length: count }, () => question))
        const client = yield* say(
          port,
          asking(1, path),
          data(1, all(most + 1)),
          asking(3, path),
          data(3, all(most), true)
        )
        yield* client.until(() => client.isEnded(1) && isAnswered(client, 3))
        // The trailers in literal HPACK, as Node writes what it has not written before.
        const trailers = client.heard().filter((one) => one.stream === 1 && one.kind === type.headers)
        assert.isNotEmpty(trailers)
        assert.isUndefined(resetOf(client, 3))
      })
    )

  it.live("that ask nothing are reset in time", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ keepalive })
      const paths = [check, watch, reflection]
      const client = yield* say(
        port,
        ...paths.map((path, i) => asking(2 * i + 1, path)),
        // A part of a message is none, and what has asked may stay.
        ...[data(3, Uint8Array.of(0)), asking(7, watch), data(7, question, true)],
        ...[asking(9, reflection), data(9, question)]
      )
      yield* until(() => paths.every((_, i) => resetOf(client, 2 * i + 1) === code.cancel))
      assert.isTrue(isAnswered(client, 7) && isAnswered(client, 9))
      assert.isUndefined(resetOf(client, 7))
      assert.isUndefined(resetOf(client, 9))
    })
  )

  it.live("have a place for each connection of the port, and no more", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ keepalive, sessionsMax: 3 })
      const ask = (stream: number) => [asking(stream, watch), data(stream, question, true)]
      const client = yield* say(port, ...[1, 3, 5, 7].flatMap(ask))
      yield* client.until(() => resetOf(client, 7) !== undefined && [1, 3, 5].every((id) => isAnswered(client, id)))
      assert.strictEqual(resetOf(client, 7), code.refused)
      client.socket.write(Buffer.concat([RawPeer.reset(3, code.cancel), ...ask(9)]))
      yield* client.until(() => isAnswered(client, 9))
    })
  )

  it.live("carry nothing before a message is whole, as flows do", () =>
    Effect.gen(function* () {
      const { port } = yield* server({ keepalive })
      const raised = (client: Client) =>
        client
          .heard()
          .some(({ flags, kind, payload }) => kind === type.settings && flags === 0 && payload.byteLength === 6)
      for (const path of [check, "/grinta.v1.FlowService/Open"]) {
        const ids = Array.from({ length: Allowance.aheadMin }, (_, i) => 2 * i + 1)
        const whole = path === check ? question : open
        const each = (bytes: Uint8Array) => Buffer.concat(ids.map((id) => data(id, bytes)))
        const client = yield* say(port, ...ids.map((id) => asking(id, path)), each(whole.subarray(0, 1)))
        // One beyond the limit, which is refused behind them.
        const last = Allowance.aheadMin * 2 + 1
        client.socket.write(asking(last, check))
        yield* client.until(() => resetOf(client, last) === code.refused)
        assert.isFalse(raised(client))
        client.socket.write(Buffer.concat([RawPeer.frame(type.settings, 1, 0), each(whole.subarray(1))]))
        yield* client.until(() => raised(client))
      }
    })
  )

  it.live("are over at their age, by the clock of the host", () =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      const { port } = yield* Effect.provideService(
        server({ keepalive: { interval: "10 hours", timeout: "10 hours" } }),
        Clock.Clock,
        clock
      )
      const client = yield* say(
        port,
        asking(1, watch),
        data(1, question, true),
        asking(3, reflection),
        data(3, question)
      )
      yield* client.until(() => isAnswered(client, 1) && isAnswered(client, 3))
      yield* clock.adjust(Bounds.reflection.age)
      yield* client.until(() => resetOf(client, 3) === code.cancel)
      assert.isUndefined(resetOf(client, 1))
      yield* clock.adjust(Bounds.watch.age)
      yield* client.until(() => resetOf(client, 1) === code.cancel)
    })
  )
})

describe("the port for health", () => {
  it.live("has places for others, whatever one address takes", () =>
    Effect.gen(function* () {
      const healthPort = yield* freePort
      const { sessionsPerAddressMax } = Bounds.healthBounds
      yield* server({ keepalive, healthPort, limitsLoopback: true })
      const ask = (from: string) =>
        sayFrom(from, healthPort, asking(1, watch), data(1, question, true)).pipe(
          Effect.tap((client) => client.until(() => client.socket.closed || isAnswered(client, 1)))
        )
      const many = yield* Effect.forEach(Array.from({ length: sessionsPerAddressMax }), () => ask("127.0.0.2"))
      assert.isTrue(many.every((client) => isAnswered(client, 1)))
      assert.isTrue((yield* ask("127.0.0.2")).socket.closed)
      assert.isTrue(isAnswered(yield* ask("127.0.0.3"), 1))
      assert.isFalse(many.some(({ socket }) => socket.closed))
    })
  )
})
