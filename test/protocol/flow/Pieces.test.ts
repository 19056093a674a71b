/**
 * What messages take that were cut, or packed in an odd way: by whoever sends, a caller or an endpoint.
 */
import { toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import type { Frame } from "../../../src/protocol/flow/Frame.ts"
import * as FrameValues from "../../../src/protocol/flow/Frame.ts"
import { FrameParser } from "../../../src/protocol/flow/FrameParser.ts"
import * as Limits from "../../../src/protocol/flow/Limits.ts"
import * as Pieces from "../../../src/protocol/flow/Pieces.ts"
import * as Receiver from "../../../src/protocol/flow/Receiver.ts"
import { FrameSchema } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"

/** A piece, and how much else is in the memory in which it came. */
const Piece = Schema.Struct({
  bytes: Schema.Literals([1, 2, 7, 100, 1023, 1024, 1025, 9000, 65_536]),
  besideBytes: Schema.Literals([0, 5, 2000, 131_072])
})

const memoryOf = (blocks: Iterable<Uint8Array>): number =>
  [...new Set([...blocks].map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)

describe("the pieces of a message", () => {
  it.prop("take at most twice their bytes, and are the message in the end", [Schema.Array(Piece)], ([program]) => {
    const pieces = Pieces.make()
    const sent: Array<number> = []
    let next = 0
    for (const { besideBytes, bytes } of program) {
      const piece = new Uint8Array(besideBytes + bytes).subarray(besideBytes)
      piece.fill(next++ & 255)
      sent.push(...piece)
      Pieces.add(pieces, piece)
      assert.strictEqual(pieces.bytes, sent.length)
      assert.isAtMost(memoryOf([...pieces.blocks, pieces.gathered]), 2 * sent.length + 16)
      assert.isAtMost(pieces.blocks.length, 1 + (2 * sent.length) / Pieces.smallBytesMax)
    }
    const whole = Pieces.join(pieces, Uint8Array.of(1, 2))
    assert.isTrue(Buffer.from(whole).equals(Buffer.from([...sent, 1, 2])))
    assert.isTrue(Pieces.isEmpty(pieces))
  })

  const data = (messages: ReadonlyArray<Uint8Array>, partial: boolean): Frame => ({ _tag: "Data", messages, partial })
  const outcome = (...frames: ReadonlyArray<Frame>) => {
    const receiver = Receiver.make(Limits.defaults)
    return frames.map((frame) => Receiver.receive(receiver, frame)).at(-1)
  }
  const some = Uint8Array.of(1)
  const none = new Uint8Array()

  it("are not empty", () => {
    const violation = { _tag: "Violation", detail: "an empty piece of a message" } as const
    assert.deepStrictEqual(outcome(data([none], true)), violation)
    assert.deepStrictEqual(outcome(data([some, none], true)), violation)
    assert.deepStrictEqual(outcome(data([some], true), data([none], true)), violation)
    assert.deepStrictEqual(outcome(data([some], true), data([none], false)), violation)
    assert.deepStrictEqual(outcome(data([some], true), data([none, some], true)), violation)
    // Messages may be.
    assert.strictEqual(outcome(data([none, some], true), data([some, none], false))?._tag, "Messages")
  })

  it("of a byte each take what they weigh: a million of them", () => {
    const receiver = Receiver.make(Limits.defaults)
    for (let i = 0; i < 1_000_000; i++) Receiver.receive(receiver, data([some], true))
    assert.strictEqual(receiver.pieces?.bytes, 1_000_000)
    assert.isAtMost(receiver.pieces?.blocks.length ?? 0, 20)
    const last = Receiver.receive(receiver, data([some], false))
    assert.strictEqual(last._tag === "Messages" ? last.batch.weight : 0, 1_000_001 + Limits.messageOverheadBytes)
  })
})

describe("messages in an odd frame", () => {
  /** A field that nobody knows, before what is known. */
  const oddly = (frame: Frame, unknownBytes: number): Uint8Array => {
    const length = [unknownBytes & 0x7f, 0].map((byte, at) => (at === 0 ? byte | 0x80 : unknownBytes >> 7))
    return Uint8Array.from([
      0x7a,
      ...length,
      ...new Uint8Array(unknownBytes),
      ...toBinary(FrameSchema, FrameValues.toProto(frame))
    ])
  }
  const parsed = (bytes: Uint8Array) => {
    const parser = new FrameParser()
    parser.begin(bytes.byteLength)
    assert.isUndefined(parser.take(bytes, 0, bytes.byteLength))
    return parser.frames
  }
  const batchOf = (frame: Frame | undefined) => {
    const received = frame && Receiver.receive(Receiver.make(Limits.defaults), frame)
    return received?._tag === "Messages" ? received.batch : undefined
  }

  it("hold on to themselves alone", () => {
    const [frame] = parsed(oddly({ _tag: "Data", messages: [Uint8Array.of(5)], partial: false }, 10_000))
    const message = batchOf(frame)?.all()[0]
    assert.deepStrictEqual(message, Uint8Array.of(5))
    assert.isAtMost(message instanceof Uint8Array ? message.buffer.byteLength : 0, 16)
  })

  it("have no object each, and are all there", () => {
    const messages = Array.from({ length: 10_000 }, () => new Uint8Array())
    const [frame] = parsed(oddly({ _tag: "Data", messages, partial: false, draining: true }, 1000))
    assert.strictEqual(frame?._tag === "Data" && frame.draining, true)
    assert.strictEqual(frame?._tag === "Data" ? frame.runs?.count : 0, 10_000)
    assert.strictEqual(batchOf(frame)?.count, 10_000)
    // As connect-node gives them.
    const batch = batchOf({ _tag: "Data", messages: messages.map(() => Uint8Array.of(7)), partial: false })
    assert.notProperty(batch, "messages")
    assert.deepStrictEqual(batch?.all().at(-1), Uint8Array.of(7))
  })
})
