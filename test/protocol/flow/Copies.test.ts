import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Copies from "../../../src/protocol/flow/Copies.ts"
import * as Message from "../../../src/protocol/flow/Message.ts"

const Lengths = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9000 }))).check(
  Schema.isMaxLength(60)
)
const Hint = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 70_000 }))

const copiesOf = (messages: ReadonlyArray<Uint8Array>, hintBytes: number) => {
  const copies = Copies.make(hintBytes)
  for (const message of messages) Copies.add(copies, message)
  return Copies.seal(copies).messages.map(Message.bytesOf)
}

describe("copies", () => {
  it.prop(
    "are what was sent, whatever its owner does with it afterwards, and one holds no more than a slab",
    [Lengths, Hint],
    ([lengths, hint]) => {
      const messages = lengths.map((length, index) => new Uint8Array(length).fill(index + 1))
      const copied = copiesOf(messages, hint)
      for (const message of messages) message.fill(255)
      assert.strictEqual(copied.length, lengths.length)
      copied.forEach((message, index) => {
        assert.deepStrictEqual(message, new Uint8Array(lengths[index] ?? 0).fill(index + 1))
        assert.isAtMost(message.buffer.byteLength, Math.max(message.length, Copies.slabBytesMax))
        message.fill(0)
      })
      assert.isTrue(messages.every((message) => message.every((byte) => byte === 255)))
    }
  )

  it("of a Buffer are bytes of their own, small or large", () => {
    for (const length of [0, 10, 10_000]) {
      const message = Buffer.alloc(length, 1)
      const [copied] = copiesOf([message], 0)
      message.fill(2)
      assert.deepStrictEqual(copied, new Uint8Array(length).fill(1))
    }
  })

  it("a message alone takes no more than it needs, and few slabs hold many", () => {
    const alone = copiesOf([new Uint8Array(100)], 0)
    assert.strictEqual(alone[0]?.buffer.byteLength, 100)
    const many = copiesOf(
      Array.from({ length: 600 }, () => new Uint8Array(100)),
      0
    )
    const slabs = [...new Set(many.map(({ buffer }) => buffer))]
    assert.isAtMost(slabs.length, 16)
    assert.isAtMost(
      slabs.reduce((sum, { byteLength }) => sum + byteLength, 0),
      2 * 600 * 100
    )
  })
})
