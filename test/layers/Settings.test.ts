/** What cannot work is refused when it is given, before anything listens or waits. */
import { assert, describe, it } from "@effect/vitest"
import { type Duration, Effect, Exit, Layer } from "effect"
import * as SelfLive from "../../src/layers/core/SelfLive.ts"
import * as FabricMesh from "../../src/layers/fabric/FabricMesh.ts"
import * as Serving from "../../src/layers/flow/Serving.ts"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as MemoryNetwork from "../../src/layers/memory/MemoryNetwork.ts"
import * as RegistryLocal from "../../src/layers/registry/RegistryLocal.ts"
import * as TransportConnect from "../../src/layers/transport/TransportConnect.ts"
import * as Buffers from "../../src/protocol/flow/Buffers.ts"
import * as FrameBytes from "../../src/protocol/flow/FrameBytes.ts"
import * as Limits from "../../src/protocol/flow/Limits.ts"
import * as Sender from "../../src/protocol/flow/Sender.ts"

const host = (options: Grinta.Options) =>
  Grinta.layer({ name: "a", listen: { gossipPort: 0, flowPort: 0 }, profile: "local", ...options })

/** What the error of a layer says; "" when it could be built. */
const complaintOf = <A, E>(layer: Layer.Layer<A, E>) =>
  Effect.map(Effect.exit(Effect.scoped(Layer.build(layer))), (exit) => (Exit.isSuccess(exit) ? "" : String(exit.cause)))

const numbers = [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]
const times: ReadonlyArray<Duration.Input> = [-1, Number.NaN, "Infinity", "25 days", "-1 second"]

const limitNames = ["messageBytesMax", "frameBytesMax", "frameMessagesMax", "bufferBytesMax", "inboxBytesMax"] as const
const endpointTimes = ["drain", "openTimeout", "handlerGrace", "drainTimeout"] as const
const transportCounts = ["sessionsMax", "sessionsPerAddressMax", "streamsMax", "frameWireBytesMax"] as const
const transportSpans = ["connectTimeout", "idleTimeout", "firstStreamTimeout", "frameTimeout"] as const

describe("a setting that cannot work is named, with what it may be", () => {
  const inMemory = (flows: Partial<Serving.Config>) =>
    Grinta.layerMemory({ name: "a", flows }).pipe(Layer.provide(MemoryNetwork.layer()))

  for (const [name, layerOf] of [
    ["a host", (flows: Partial<Serving.Config>) => host({ flows })],
    ["a host in memory", inMemory]
  ] as const) {
    it.live.each(limitNames)(`the limits of flows, at ${name}: %s`, (limit) =>
      Effect.gen(function* () {
        for (const bad of numbers) {
          const limits = { ...Limits.defaults, [limit]: bad }
          const said = yield* complaintOf(layerOf({ limits }))
          assert.include(said, `flows.limits.${limit}: ${bad} is no whole number from 1 to `)
        }
      })
    )

    it.live(`the bounds of flows, at ${name}`, () =>
      Effect.gen(function* () {
        for (const bad of numbers.slice(1)) {
          assert.include(yield* complaintOf(layerOf({ backlog: bad })), `flows.backlog: ${bad} is no whole number`)
          assert.include(yield* complaintOf(layerOf({ concurrency: bad })), `flows.concurrency: ${bad} is no whole`)
        }
        for (const bad of times)
          for (const time of endpointTimes)
            assert.include(yield* complaintOf(layerOf({ [time]: bad })), `flows.${time}: ${String(bad)} is no bounded`)
        assert.include(yield* complaintOf(layerOf({ openTimeout: 0 })), "flows.openTimeout: 0 is no time above 0")
      })
    )
  }

  it.live("a frame that peers would not read", () =>
    Effect.gen(function* () {
      const limits = { ...Limits.defaults, frameBytesMax: 200_000 }
      const said = yield* complaintOf(host({ flows: { limits } }))
      assert.include(said, "flows.limits.frameBytesMax: 200000 is no whole number from 1 to 122880")
      assert.include(said, `what a frame of ${Limits.frameWireBytesMax} bytes leaves for it`)
    })
  )

  it.live("those of the transport", () =>
    Effect.gen(function* () {
      const complaint = (config: TransportConnect.Options) =>
        complaintOf(TransportConnect.layer({ port: 0, ...config }))
      for (const bad of numbers)
        for (const count of transportCounts)
          assert.include(yield* complaint({ [count]: bad }), `${count}: ${bad} is no whole number`)
      for (const bad of [...times, 0])
        for (const span of transportSpans)
          assert.include(yield* complaint({ [span]: bad }), `${span}: ${String(bad)} is no`)
      assert.include(yield* complaint({ banDuration: "Infinity" }), "banDuration: Infinity is no bounded time")
      assert.include(yield* complaint({ port: 65_536 }), "flowPort: 65536 is no port")
      const frames = `frameWireBytesMax: 1000 is no whole number from ${Limits.frameWireBytesMax}`
      assert.include(yield* complaint({ frameWireBytesMax: 1000 }), frames)
      const share = (of: Partial<TransportConnect.Config["share"]>) =>
        complaint({ share: { ...TransportConnect.defaults.share, ...of } })
      for (const bad of numbers)
        assert.include(yield* share({ bytesMax: bad }), `share.bytesMax: ${bad} is no whole number`)
      assert.include(yield* share({ timeout: 0 }), "share.timeout: 0 is no time above 0")
      const keepalive = { interval: "1 second", timeout: 0 } as const
      assert.include(yield* complaint({ keepalive }), "keepalive.timeout: 0 is no time above 0")
      assert.include(yield* complaintOf(host({ keepalive })), "keepalive.timeout: 0 is no time above 0")
    })
  )

  it.live("those of names", () =>
    Effect.gen(function* () {
      for (const bad of numbers) {
        const wrong = `names.ownBytesMax: ${bad} is no whole number from 1`
        assert.include(yield* complaintOf(host({ names: { ownBytesMax: bad } })), wrong)
        assert.include(
          yield* complaintOf(
            RegistryLocal.layerLimits({ ownBytesMax: bad }).pipe(Layer.provide(SelfLive.layer({ name: "a" })))
          ),
          wrong
        )
      }
    })
  )

  it.live("what can work does", () =>
    Effect.gen(function* () {
      const limits = { messageBytesMax: 1, frameBytesMax: 1, frameMessagesMax: 1, bufferBytesMax: 1, inboxBytesMax: 1 }
      const times = { drain: 0, handlerGrace: 0, drainTimeout: 0, openTimeout: 1 }
      assert.strictEqual(yield* complaintOf(inMemory({ limits, backlog: 0, concurrency: 1, ...times })), "")
      assert.strictEqual(yield* complaintOf(inMemory(Serving.defaults)), "")
      assert.strictEqual(yield* complaintOf(TransportConnect.layer({ port: 0, banDuration: 0 })), "")
    })
  )
})

describe("the limits of frames are one set", () => {
  it("of those that are allowed none makes a frame that peers would not read", () => {
    for (const frameMessagesMax of [1, 1024, 16_384]) {
      const bad = Limits.violation({ ...Limits.defaults, frameMessagesMax, frameBytesMax: Number.NaN })
      const frameBytesMax = Number(/to (\d+),/.exec(bad?.detail ?? "")?.[1])
      const limits = { ...Limits.defaults, frameMessagesMax, frameBytesMax, bufferBytesMax: 2 ** 30 }
      assert.isUndefined(Limits.violation(limits))
      for (const length of [
        0,
        1,
        127,
        128,
        Math.ceil(frameBytesMax / frameMessagesMax),
        20_000,
        frameBytesMax,
        300_000
      ]) {
        const sender = Sender.make(limits, Buffers.make())
        for (let bytes = 0, i = 0; bytes < 200_000 && i < 40_000; bytes += length, i++)
          Sender.offer(sender, new Uint8Array(length))
        for (let frame = Sender.take(sender); frame !== undefined; frame = Sender.take(sender))
          assert.isAtMost(FrameBytes.encode(frame).byteLength - 5, Limits.frameWireBytesMax)
      }
    }
  })

  it("FabricMesh without settings has none that could not work", () => {
    assert.isUndefined(Limits.violation(Limits.defaults))
    assert.isObject(FabricMesh.layer)
  })
})
