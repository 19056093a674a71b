/**
 * The short way for Data against the generated code: the same bytes, and the same frames out of them.
 */
import { toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import { FrameSchema } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"

const generated = (frame: Frame.Frame): Uint8Array => toBinary(FrameSchema, Frame.toProto(frame))
const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)
const hex = (of: Uint8Array) => Buffer.from(of).toString("hex")

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

describe("frames as bytes", () => {
  for (const [what, frame] of frames) {
    it(`${what}: as the generated code writes and reads it`, () => {
      assert.isTrue(Buffer.from(Envelope.wrap(generated(frame))).equals(FrameBytes.encode(frame)))
      assert.deepStrictEqual(FrameBytes.decode(generated(frame)), Result.succeed(frame))
    })
  }

  it.prop("any Data frame: the same both ways", [Messages, Schema.Boolean], ([messages, partial]) => {
    const frame: Frame.Frame = { _tag: "Data", messages: messages.map((values) => Uint8Array.from(values)), partial }
    assert.strictEqual(hex(FrameBytes.encode(frame)), hex(Envelope.wrap(generated(frame))))
    assert.deepStrictEqual(FrameBytes.decode(generated(frame)), Result.succeed(frame))
    // One that was packed is written as it is, and nobody has looked at its messages for that.
    const packed = FrameBytes.packed(FrameBytes.encode(frame), partial)
    assert.strictEqual(hex(generated(packed)), hex(generated(frame)))
    assert.isUndefined(Frame.toProto(packed).kind.case)
  })
})
