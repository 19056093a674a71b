import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import {
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  type Struct,
  StructSchema,
  TimestampSchema
} from "@bufbuild/protobuf/wkt"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as ProtobufBounds from "../../../src/protocol/codec/ProtobufBounds.ts"
import * as Codec from "../../../src/services/Codec.ts"

const { messagesMax } = ProtobufBounds
const refused = `more than ${messagesMax} messages, entries of maps and unknown fields`

const sets = {
  flat: (count: number): FileDescriptorSet =>
    create(FileDescriptorSetSchema, { file: Array.from({ length: count }, () => ({})) }),
  deep: (count: number): FileDescriptorSet =>
    create(FileDescriptorSetSchema, {
      file: [{ messageType: [{ nestedType: Array.from({ length: count - 2 }, () => ({})) }] }]
    })
}

const struct = (count: number): Struct => {
  const fields = Object.fromEntries(
    Array.from({ length: count / 2 }, (_, at) => [String(at), { kind: { case: "numberValue" as const, value: 1 } }])
  )
  return create(StructSchema, { fields })
}

describe("the messages within a protobuf message", () => {
  const cases = [
    ["beside each other", FileDescriptorSetSchema, sets.flat, 1],
    ["within one of them", FileDescriptorSetSchema, sets.deep, 1],
    // An entry, and its value.
    ["in a map", StructSchema, struct, 2]
  ] as const

  it.each(cases)("are as many as there may be, %s", (_, schema, make, step) => {
    const bytes = toBinary<typeof schema>(schema, make(messagesMax))
    assert.isUndefined(ProtobufBounds.excess(schema, bytes))
    assert.strictEqual(
      ProtobufBounds.excess(schema, toBinary<typeof schema>(schema, make(messagesMax + step))),
      refused
    )
  })

  it("are fields that nobody knows, and not those of values", () => {
    const pair = (tag: number) => new Uint8Array(2 * messagesMax + 2).map((_, at) => (at % 2 === 0 ? tag : 0))
    // Field 1 of a timestamp is a number, and field 9 of it nothing.
    assert.isUndefined(ProtobufBounds.excess(TimestampSchema, pair(0x08)))
    assert.strictEqual(ProtobufBounds.excess(TimestampSchema, pair(0x48)), refused)
  })

  it("are bounded both ways by the codec", () => {
    const codec = Codec.protobuf(FileDescriptorSetSchema)
    const [most, more] = [sets.flat(messagesMax), sets.flat(messagesMax + 1)]
    assert.deepStrictEqual(codec.encode(more), Result.fail(refused))
    assert.deepStrictEqual(codec.decode(toBinary(FileDescriptorSetSchema, more)), Result.fail(refused))
    assert.isTrue(Result.isSuccess(Result.flatMap(codec.encode(most), codec.decode)))
    const torn = new Uint8Array(3 * messagesMax).fill(0xff)
    assert.throws(() => fromBinary(FileDescriptorSetSchema, torn))
    assert.isTrue(Result.isFailure(codec.decode(torn)))
  })
})
