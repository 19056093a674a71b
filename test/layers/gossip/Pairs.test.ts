/** Two that give a host their states at once: the second is told of the first, although the answer to that one is still on its way out. */
import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import type { NodeState, PushPull } from "../../../src/protocol/memberlist/Message.ts"
import * as StreamCodec from "../../../src/protocol/memberlist/StreamCodec.ts"
import * as Cluster from "./Cluster.ts"
import { intruder } from "./Intruder.ts"

const plain = { label: new Uint8Array(0), compress: false, crc32, cipher: undefined }

describe("two that join at once", () => {
  it.effect("under one name: the second is told of the first", () =>
    Effect.gen(function* () {
      const host = yield* Cluster.start("h1", {}, 1, (socket) => ({
        ...socket,
        serve: (handle) =>
          socket.serve((stream) =>
            handle({ ...stream, write: (bytes) => Effect.delay(stream.write(bytes), "50 millis") })
          )
      }))
      const stranger = yield* intruder
      /** The places of the name in the answer to a process of it at this port. */
      const join = Effect.fnUntraced(function* (port: number) {
        const address = stranger.address.bytes
        const versions = Uint8Array.of(1, 5, 2, 0, 0, 0)
        const self: NodeState = {
          name: "twin",
          address,
          port,
          meta: Uint8Array.of(),
          incarnation: 1,
          state: "alive",
          versions
        }
        const given: PushPull = { _tag: "PushPull", join: true, nodes: [self], userState: Uint8Array.of() }
        const stream = yield* stranger.dial(host.socket.address)
        yield* stream.write(StreamCodec.encode(given, plain, "dialler"))
        const reader = StreamCodec.make(plain, "dialler")
        while (true) {
          const received = yield* Effect.fromResult(StreamCodec.push(reader, yield* stream.read))
          if (Option.isNone(received)) continue
          const { message } = received.value
          const nodes = message._tag === "PushPull" ? message.nodes : []
          return nodes.filter(({ name }) => name === "twin").map((node) => node.port)
        }
      }, Effect.scoped)
      const pair = yield* Effect.forkChild(
        Effect.all([join(1001), Effect.delay(join(1002), "10 millis")], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("2 seconds")
      const [first = [], second = []] = yield* Fiber.join(pair)
      assert.strictEqual(first.length + second.length, 1, `${first} and ${second}`)
    }).pipe(Effect.provide(Cluster.network("at once")))
  )
})
