/**
 * The short way for Data against the generated code: the same bytes, and the same frames out of them.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Buffers from "../../../src/protocol/flow/Buffers.ts"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import { FrameSchema } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"

const generated = (frame: Frame.Frame): Uint8Array => toBinary(FrameSchema, Frame.toProto(frame))
const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)
const hex = (of: Uint8Array) => Buffer.from(of).toString("hex")

const decode = (encoded: Uint8Array) => FrameBytes.decode(encoded, Buffers.make())

const decodeGenerated = (encoded: Uint8Array) =>
  Result.flatMap(
    Result.try({ try: () => fromBinary(FrameSchema, encoded), catch: () => "no protobuf" }),
    Frame.fromProto
  )

const frames: ReadonlyArray<readonly [string, Frame.Frame]> = [
  [
    "open",
    {
      _tag: "Open",
      endpoint: "a",
      wireVersion: Frame.wireVersion,
      contract: 123n,
      codec: "bytes",
      caller: "b",
      host: "c"
    }
  ],
  ["accepted", Frame.accepted],
  ["rejected", Frame.rejected("EndpointBusy", "full")],
  ["end", { _tag: "End", count: 300 }],
  ["fail", Frame.fail("Domain", "", bytes(7))],
  ["no messages", { _tag: "Data", messages: [], partial: false }],
  ["no messages, partial", { _tag: "Data", messages: [], partial: true }],
  ...[0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152].map((length): readonly [string, Frame.Frame] => [
    `a message of ${length} bytes`,
    { _tag: "Data", messages: [bytes(3), new Uint8Array(length)], partial: length % 2 === 0 }
  ])
]

const Messages = Schema.Array(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))))
const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))

describe("frames as bytes", () => {
  for (const [what, frame] of frames) {
    it(`${what}: as the generated code writes and reads it`, () => {
      assert.isTrue(Buffer.from(Envelope.wrap(generated(frame))).equals(FrameBytes.encode(frame)))
      assert.deepStrictEqual(decode(generated(frame)), Result.succeed(frame))
    })

    it(`${what}: is still what it was once its buffer is used for others`, () => {
      const buffers = Buffers.make()
      const encoded = generated(frame)
      const used = Buffers.take(buffers, Math.max(encoded.byteLength, Buffers.wholeBytes / 2))
      used.set(encoded)
      const decoded = FrameBytes.decode(used.subarray(0, encoded.byteLength), buffers)
      for (const spare of buffers.spares) spare.fill(0xff)
      assert.deepStrictEqual(decoded, Result.succeed(frame))
    })
  }

  it("a buffer goes back, unless a message that fills half of it stays in it", () => {
    const half = Buffers.wholeBytes / 2
    for (const [length, spares] of [
      [half - 1, 1],
      [half, 0],
      [64 * 1024, 0]
    ] as const) {
      const buffers = Buffers.make()
      const used = Buffers.take(buffers, Buffers.wholeBytes)
      const encoded = generated({ _tag: "Data", messages: [new Uint8Array(length)], partial: false })
      used.set(encoded)
      const frame = Result.getOrThrow(FrameBytes.decode(used.subarray(0, encoded.byteLength), buffers))
      assert.strictEqual(buffers.spares.length, spares)
      const kept = frame._tag === "Data" && frame.messages.some(({ buffer }) => buffer === used.buffer)
      assert.strictEqual(kept, spares === 0)
    }
  })

  it.prop(
    "whether a frame is one message is told from its first bytes",
    [Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 70_000 }))],
    ([length]) => {
      const encoded = generated({ _tag: "Data", messages: [new Uint8Array(length)], partial: false })
      assert.strictEqual(FrameBytes.isOneMessage(encoded.subarray(0, 16), encoded.byteLength), length > 8 * 1024)
      assert.isFalse(FrameBytes.isOneMessage(encoded.subarray(0, 3), encoded.byteLength))
    }
  )

  it.prop("any Data frame: the same both ways", [Messages, Schema.Boolean], ([messages, partial]) => {
    const frame: Frame.Frame = { _tag: "Data", messages: messages.map((values) => Uint8Array.from(values)), partial }
    assert.strictEqual(hex(FrameBytes.encode(frame)), hex(Envelope.wrap(generated(frame))))
    assert.deepStrictEqual(decode(generated(frame)), Result.succeed(frame))
  })

  const odd: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["partial before the messages", bytes(0x22, 5, 0x10, 1, 0x0a, 1, 9)],
    ["partial that is false", bytes(0x22, 5, 0x0a, 1, 9, 0x10, 0)],
    ["partial of two bytes", bytes(0x22, 6, 0x0a, 1, 9, 0x10, 0x81, 0)],
    ["an unknown field in Data", bytes(0x22, 5, 0x0a, 1, 9, 0x18, 1)],
    ["a length of more bytes than it needs", bytes(0x22, 4, 0x0a, 0x81, 0, 9)],
    ["a second kind after it", bytes(0x22, 3, 0x0a, 1, 9, 0x12, 0)],
    ["Data twice", bytes(0x22, 3, 0x0a, 1, 9, 0x22, 3, 0x0a, 1, 8)],
    ["a message that is cut off", bytes(0x22, 3, 0x0a, 9, 9)],
    ["Data that is cut off", bytes(0x22, 9, 0x0a, 1, 9)],
    ["a length that overflows", bytes(0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)],
    ["a tag without a length", bytes(0x22)],
    ["nothing", bytes()]
  ]
  for (const [what, encoded] of odd) {
    it(`${what}: read as the generated code reads it`, () => {
      const ours = decode(encoded)
      const theirs = decodeGenerated(encoded)
      assert.strictEqual(Result.isSuccess(ours), Result.isSuccess(theirs))
      if (Result.isSuccess(ours)) assert.deepStrictEqual(ours, theirs)
    })
  }

  it.prop("any bytes at all after the tag of Data", [Bytes], ([rest]) => {
    for (const encoded of [bytes(0x22, ...rest), bytes(0x22, rest.length & 127, ...rest)]) {
      const ours = decode(encoded)
      const theirs = decodeGenerated(encoded)
      assert.strictEqual(Result.isSuccess(ours), Result.isSuccess(theirs))
      if (Result.isSuccess(ours)) assert.deepStrictEqual(ours, theirs)
    }
  })
})
