/**
 * What one peer has a host hold on all of its sessions, while others, and its own flows that move, notice nothing.
 * `limitsLoopback` holds loopback to the rules of any network.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Metric, Queue } from "effect"
import type * as TransportConnect from "../../../../../src/layers/transport/TransportConnect.ts"
import * as Frame from "../../../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../../../src/protocol/flow/FrameBytes.ts"
import * as Caller from "../Caller.ts"
import { asked, open, paths, sayFrom } from "../RawClient.ts"
import * as RawPeer from "../RawPeer.ts"
import { server } from "../Server.ts"

const { code, data, frame, type } = RawPeer

const stalling = "127.0.0.2"
const neighbour = "127.0.0.3"

/** What a counter of this process says of flows that were refused. */
const refused = (reason: string) =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics.reduce(
      (sum, metric) =>
        metric.id === "grinta_flows_refused" && metric.type === "Counter" && metric.attributes?.reason === reason
          ? sum + Number(metric.state.count)
          : sum,
      0
    )
  )

const world = (config: TransportConnect.Options) =>
  Effect.gen(function* () {
    const log: Array<string> = []
    const logger = Logger.layer([
      // At Info a host says where it listens.
      Logger.make(({ logLevel, message }) => void (logLevel !== "Info" && log.push(String(message))))
    ])
    const keepalive = { interval: "1 hour", timeout: "1 second" } as const
    return { ...(yield* Effect.provide(server({ limitsLoopback: true, keepalive, ...config }), logger)), log }
  })

const dataBytes = (bytes: Uint8Array, partial = false) =>
  Buffer.from(FrameBytes.encode({ _tag: "Data", messages: [bytes], partial }))

const message = dataBytes(new Uint8Array(16_000))
const noWindow = Buffer.concat([
  frame(type.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0])),
  frame(type.settings, 1, 0)
])
/** On a client without a window for answers. */
const window = (stream: number) => frame(type.windowUpdate, 0, stream, Buffer.from([0, 1, 0, 0]))

const kib = 1024
const ids = Array.from({ length: 20 }, (_, at) => 2 * at + 3)
const own = 1
const later = 2 * ids.length + 3

/** Flows that each have the host hold some 100 KB, of which it can send nothing. */
const stall = (port: number, asking: (stream: number) => Buffer) =>
  Effect.gen(function* () {
    const client = yield* sayFrom(stalling, port, noWindow)
    const all = ids.map((id) => Buffer.concat([asking(id), data(id, open), ...Array(7).fill(data(id, message))]))
    // One that goes on, and has a window.
    client.socket.write(Buffer.concat([asking(own), window(own), data(own, open)]))
    yield* client.until(() => client.answer(own).length > 0)
    for (const each of all) {
      client.socket.write(each)
      yield* Effect.sleep("2 millis")
    }
    const resets = () => client.heard().filter(({ kind, stream }) => kind === type.reset && ids.includes(stream))
    return { ...client, resets }
  })

describe("a peer that has a host hold more than it may", () => {
  for (const [how, asking] of paths)
    it.live(`is rid of the flows that stalled longest, and of no other: ${how}`, () =>
      Effect.gen(function* () {
        const before = yield* refused("stalled")
        const share = { bytesMax: 512 * kib, timeout: "1 second" } as const
        const { ended, log, port } = yield* world({ share })
        const client = yield* stall(port, asking)
        yield* client.until(() => log.length > 0)
        assert.deepStrictEqual(log, [
          `${stalling} has more than ${share.bytesMax} bytes here that nobody takes: its new flows wait`
        ])
        // A new flow waits for those that end, and is served then.
        client.socket.write(Buffer.concat([asking(later), window(later), data(later, open)]))
        const other = yield* sayFrom(neighbour, port, asked, data(1, open))
        yield* other.until(() => other.answer(1).length > 0)
        const said = client.answer(own).length
        client.socket.write(data(own, dataBytes(Uint8Array.of(7))))
        yield* client.until(() => client.answer(own).length > said)
        assert.strictEqual(client.resets().length, 0)
        assert.strictEqual(client.answer(later), "")
        yield* client.until(() => client.answer(later).length > 0)
        // A few of them are within, and so are those that wait. What takes the last word is not reset.
        const count = (yield* refused("stalled")) - before
        assert.isAtLeast(count, 3)
        assert.isAtMost(count, 17)
        assert.isAbove(client.resets().length, 0)
        for (const { payload } of client.resets()) assert.strictEqual(payload.readUInt32BE(), code.cancel)
        assert.strictEqual(yield* Caller.soon(Queue.take(ended)), "FlowClosed")
        yield* Effect.sleep("2 seconds")
        // Those that waited come in, and may stall as well.
        assert.isAtMost((yield* refused("stalled")) - before, 17)
        assert.isFalse(client.socket.closed)
      })
    )

  it.live("keeps all of them, however long, as long as it is within", () =>
    Effect.gen(function* () {
      const { log, port } = yield* world({ share: { bytesMax: 64 * kib * kib, timeout: "200 millis" } })
      const client = yield* stall(port, paths[0][1])
      yield* Effect.sleep("2 seconds")
      assert.strictEqual(client.resets().length, 0)
      assert.deepStrictEqual(log, [])
    })
  )

  it.live("counts messages that never end, and what waits is refused in the end", () =>
    Effect.gen(function* () {
      const before = yield* refused("EndpointBusy")
      const { port } = yield* world({ share: { bytesMax: 512 * kib, timeout: "1 minute" } })
      const piece = dataBytes(new Uint8Array(60_000), true)
      const client = yield* sayFrom(stalling, port, asked, data(1, open))
      // Within what Node reads in one frame.
      for (let i = 0; i < 20; i++) {
        for (let at = 0; at < piece.byteLength; at += 16_000)
          client.socket.write(data(1, piece.subarray(at, at + 16_000)))
        yield* Effect.sleep("20 millis")
      }
      yield* Effect.sleep("1500 millis")
      client.socket.write(Buffer.concat([paths[0][1](3), data(3, open)]))
      yield* client.until(() => client.answer(3).length > 0)
      const busy = Frame.rejected(
        "EndpointBusy",
        "this host holds as much of its caller as it may, and nobody takes it"
      )
      assert.include(client.answer(3), Buffer.from(FrameBytes.encode(busy)).toString("latin1"))
      assert.strictEqual(yield* refused("EndpointBusy"), before + 1)
    })
  )
})

describe("a peer that has a host hold much, which goes", () => {
  it.live(
    "gets all that it asks for: 300 flows with 256 KiB each way",
    () =>
      Effect.gen(function* () {
        const before = [yield* refused("stalled"), yield* refused("EndpointBusy")]
        const { port } = yield* world({})
        const caller = yield* Caller.make()
        const bytes = new Uint8Array(256 * kib)
        const exchange = Effect.scoped(
          Effect.gen(function* () {
            const flow = yield* caller.open(port)
            yield* flow.send(bytes)
            return (yield* flow.receive).byteLength
          })
        )
        const came = yield* Effect.all(
          Array.from({ length: 300 }, () => exchange),
          { concurrency: "unbounded" }
        )
        for (const length of came) assert.strictEqual(length, bytes.byteLength)
        assert.deepStrictEqual([yield* refused("stalled"), yield* refused("EndpointBusy")], before)
      }),
    60_000
  )
})
