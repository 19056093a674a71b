/**
 * Packing: what is packed is the frame that the generated code would write, from used buffers as from new ones.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Buffers from "../../../src/protocol/flow/Buffers.ts"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import * as Limits from "../../../src/protocol/flow/Limits.ts"
import * as Sender from "../../../src/protocol/flow/Sender.ts"

const Lengths = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9000 }))).check(
  Schema.isMaxLength(40)
)

const messagesOf = (lengths: ReadonlyArray<number>, salt: number) =>
  lengths.map((length, index) => new Uint8Array(length).fill(index + salt))

const wireOf = (messages: ReadonlyArray<Uint8Array>) => FrameBytes.encode({ _tag: "Data", messages, partial: false })

const unpack = (wire: Uint8Array): ReadonlyArray<Uint8Array> => {
  const frame = FrameBytes.decode(wire.slice(Envelope.headerBytes))
  return Result.isSuccess(frame) && frame.success._tag === "Data" ? frame.success.messages : []
}

describe("packing", () => {
  it.prop(
    "frames from used buffers are as frames from new ones, whatever was in them",
    [Lengths, Lengths],
    ([first, second]) => {
      const buffers = Buffers.make()
      let waitingMax = 0
      const pack = (messages: ReadonlyArray<Uint8Array>) => {
        const sender = Sender.make({ ...Limits.defaults, bufferBytesMax: Number.MAX_SAFE_INTEGER }, buffers)
        for (const message of messages) Sender.offer(sender, message)
        waitingMax = Math.max(waitingMax, sender.waiting.length)
        const unpacked: Array<Uint8Array> = []
        for (let frame = Sender.take(sender); frame?._tag === "Data"; frame = Sender.take(sender)) {
          const wire = FrameBytes.encode(frame)
          unpacked.push(...unpack(wire))
          assert.isTrue(Buffer.from(wire).equals(wireOf(unpack(wire))))
          Buffers.give(buffers, wire)
        }
        return unpacked
      }
      const lengths = (messages: ReadonlyArray<Uint8Array>) => messages.map((message) => [message.length, message[0]])
      for (const messages of [messagesOf(first, 1), messagesOf(second, 101)])
        if (messages.every(({ length }) => length <= Limits.defaults.frameBytesMax))
          assert.deepStrictEqual(lengths(pack(messages)), lengths(messages))
      assert.isAtMost(buffers.spares.length, waitingMax)
    }
  )

  it("a message is copied when it is queued", () => {
    const sender = Sender.make(Limits.defaults, Buffers.make())
    const message = Uint8Array.of(1, 2, 3)
    Sender.offer(sender, message)
    message.fill(9)
    const frame = Sender.take(sender)
    assert.deepStrictEqual(frame?._tag === "Data" ? frame.messages : [], [Uint8Array.of(1, 2, 3)])
  })

  it("only buffers that were made here are taken back, and of those only a few", () => {
    const buffers = Buffers.make()
    Buffers.give(buffers, new Uint8Array(Buffers.wholeBytes))
    assert.strictEqual(buffers.spares.length, 0)
    const taken = Array.from({ length: 100 }, () => Buffers.take(buffers, 10_000))
    for (const bytes of taken) Buffers.give(buffers, bytes)
    assert.isAtMost(buffers.spares.length * Buffers.wholeBytes, 2 * 1024 * 1024)
    assert.isAbove(buffers.spares.length, 0)
  })
})
