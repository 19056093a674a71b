/** What of the datagrams that come waits for the machine. */
import { crc32 } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import * as Receiver from "../../../src/layers/gossip/Receiver.ts"
import * as Compression from "../../../src/protocol/memberlist/Compression.ts"
import * as Packet from "../../../src/protocol/memberlist/Packet.ts"
import * as Backlog from "../../../src/protocol/swim/Backlog.ts"
import type { Input } from "../../../src/protocol/swim/Input.ts"
import { type Datagram, SocketFailed } from "../../../src/services/GossipSocket.ts"

const framing = { label: new Uint8Array(0), compress: false, crc32, cipher: undefined }

/** What is counted, and what the machine is given, when these come at once and it is held up until all have. */
const given = Effect.fnUntraced(function* (datagrams: ReadonlyArray<Datagram>, now: () => number = () => 0) {
  const [first, ...rest] = datagrams
  if (first === undefined) return assert.fail("none")
  const queue = yield* Queue.unbounded<Effect.Effect<unknown>>()
  const counts = new Map<string, number>()
  const inputs: Array<Input> = []
  let isOver = false
  const receive = Effect.suspend(() => {
    if (isOver) return Effect.fail(new SocketFailed({ how: "closed", detail: "" }))
    isOver = true
    return Effect.succeed<readonly [Datagram, ...Array<Datagram>]>([first, ...rest])
  })
  const socket = { receive } as Parameters<typeof Receiver.receive>[0]["socket"]
  const count = (reason: string): void => void counts.set(reason, (counts.get(reason) ?? 0) + 1)
  const feed = (input: Input): Effect.Effect<void> => Effect.sync(() => void inputs.push(input))
  const options = { socket, framing, queue, feed, count, now, isMember: () => true, complain: () => Effect.void }
  yield* Effect.flip(Receiver.receive(options))
  const waiting = yield* Queue.size(queue)
  for (let i = 0; i < waiting; i++) yield* Effect.flatten(Queue.take(queue))
  const messages = inputs.flatMap((input) => (input._tag === "Received" ? input.messages : []))
  return { counts: Object.fromEntries(counts), messages }
})

const from = (i: number): Datagram["from"] => ({ bytes: Uint8Array.of(10, 0, i >> 8, i & 255), port: 7946 })

describe("what waits for the machine", () => {
  it.effect("is bounded in messages, not in datagrams", () =>
    Effect.gen(function* () {
      const parts = Array.from({ length: Packet.partsMax }, () => Uint8Array.of(8, 1))
      const [payload = new Uint8Array(0)] = Packet.encode({ parts, crc: false }, framing)
      const datagrams = Array.from({ length: 100 }, (_, i) => ({ from: from(i), payload }))
      const { counts, messages } = yield* given(datagrams)
      const whole = Math.floor(Backlog.messagesMax / Packet.partsMax)
      assert.strictEqual(messages.length, whole * Packet.partsMax)
      assert.deepStrictEqual(counts, { "queue.overflow": datagrams.length - whole })
    })
  )

  it.effect("is bounded in bytes, inflated", () =>
    Effect.gen(function* () {
      const message = new Uint8Array(Packet.inflatedBytesMax).fill(1)
      message[0] = 8
      const payload = Compression.encode(message)
      const datagrams = Array.from({ length: 250 }, (_, i) => ({ from: from(i), payload }))
      const { counts, messages } = yield* given(datagrams)
      assert.strictEqual(messages.length, 4000 / 32)
      assert.deepStrictEqual(counts, { "packet.rate": 125 })
      const later = yield* given(datagrams, () => performance.now() * 1e6)
      assert.strictEqual(later.messages.length, Backlog.bytesMax / Packet.inflatedBytesMax)
    })
  )
})

it.effect("a crowd of datagrams is read in slices of time, and the others of the process run between", () =>
  Effect.gen(function* () {
    let millis = 0
    let turns = 0
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.yieldNow,
          Effect.sync(() => (turns += 1))
        )
      )
    )
    yield* Effect.yieldNow
    const before = turns
    let between = 0
    const payload = Uint8Array.of(8, 1)
    const datagrams = Array.from({ length: 100 }, (_, i) => ({ from: from(i), payload }))
    // Each look at the clock takes a millisecond, and each datagram two.
    const { messages } = yield* given(datagrams, () => {
      between = turns - before
      millis += 1
      return millis
    })
    assert.strictEqual(messages.length, 100)
    assert.isAtLeast(between, 15)
  })
)
