/**
 * The frames of a stream against the generated code: the same frames, however their bytes are cut, and in memory that is
 * bounded.
 */
import { fromBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import * as FrameBytes from "../../../src/protocol/flow/FrameBytes.ts"
import * as Limits from "../../../src/protocol/flow/Limits.ts"
import { FrameSchema } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"
import { Cuts, cut } from "./Cuts.ts"
import { hex, parse, said } from "./Parse.ts"

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)
const byte = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))

const generated = (encoded: Uint8Array) =>
  Result.flatMap(
    Result.try({ try: () => fromBinary(FrameSchema, encoded), catch: () => "no protobuf" }),
    Frame.fromProto
  )

/** Each cut of one byte, none, and a few between. */
const someCuts: ReadonlyArray<ReadonlyArray<number>> = [[1], [2], [3, 1], [7], [1 << 24]]

const agree = (encoded: Uint8Array, cuts: ReadonlyArray<number>) => {
  const theirs = generated(encoded)
  const ours = parse(cut(Envelope.wrap(encoded), cuts))
  assert.strictEqual(ours.violation === undefined, Result.isSuccess(theirs), `${hex(encoded)} in ${cuts}`)
  if (Result.isSuccess(theirs)) assert.deepStrictEqual(said(ours.frames), said([theirs.success]))
}

const Data = Schema.Struct({
  lengths: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 }))).check(Schema.isMaxLength(12)),
  partial: Schema.Boolean,
  isAnother: Schema.Boolean
})

const frameOf = ({ isAnother, lengths, partial }: typeof Data.Type, index: number): Frame.Frame =>
  isAnother
    ? { _tag: "End", count: index }
    : { _tag: "Data", messages: lengths.map((length) => new Uint8Array(length).fill(index + length)), partial }

describe("frames of a stream", () => {
  it.prop("come out as they went in, however they are cut", [Schema.Array(Data), Cuts], ([all, cuts]) => {
    const sent = all.map(frameOf)
    const { frames, isComplete, violation } = parse(cut(Buffer.concat(sent.map(FrameBytes.encode)), cuts))
    assert.isUndefined(violation)
    assert.isTrue(isComplete)
    assert.deepStrictEqual(said(frames), said(sent))
  })

  const odd: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["partial before the messages", bytes(0x22, 5, 0x10, 1, 0x0a, 1, 9)],
    ["partial between messages", bytes(0x22, 8, 0x0a, 1, 8, 0x10, 1, 0x0a, 1, 9)],
    ["partial that is false", bytes(0x22, 5, 0x0a, 1, 9, 0x10, 0)],
    ["partial of two bytes", bytes(0x22, 6, 0x0a, 1, 9, 0x10, 0x81, 0)],
    ["partial twice", bytes(0x22, 7, 0x0a, 1, 9, 0x10, 1, 0x10, 1)],
    ["partial without its value", bytes(0x22, 4, 0x0a, 1, 9, 0x10)],
    ["an empty message at the end", bytes(0x22, 5, 0x0a, 1, 9, 0x0a, 0)],
    ["an unknown field in Data", bytes(0x22, 5, 0x0a, 1, 9, 0x18, 1)],
    ["an unknown field between messages", bytes(0x22, 8, 0x0a, 1, 8, 0x18, 1, 0x0a, 1, 9)],
    ["an unknown field behind partial", bytes(0x22, 7, 0x0a, 1, 9, 0x10, 1, 0x18, 1)],
    ["a length of more bytes than it needs", bytes(0x22, 4, 0x0a, 0x81, 0, 9)],
    ["a second kind after it", bytes(0x22, 3, 0x0a, 1, 9, 0x12, 0)],
    ["Data twice", bytes(0x22, 3, 0x0a, 1, 9, 0x22, 3, 0x0a, 1, 8)],
    ["a message that is cut off", bytes(0x22, 3, 0x0a, 9, 9)],
    ["a message without its length", bytes(0x22, 4, 0x0a, 1, 9, 0x0a)],
    ["Data that is cut off", bytes(0x22, 9, 0x0a, 1, 9)],
    ["a length that overflows", bytes(0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)],
    ["a tag without a length", bytes(0x22)],
    ["empty Data", bytes(0x22, 0)],
    ["empty Data that is partial", bytes(0x22, 2, 0x10, 1)],
    ["nothing", bytes()]
  ]
  for (const [what, encoded] of odd)
    it(`${what}: as the generated code reads it`, () => {
      for (const cuts of someCuts) agree(encoded, cuts)
    })

  it.prop("any bytes at all after the tag of Data", [Schema.Array(byte), Cuts], ([rest, cuts]) => {
    agree(bytes(0x22, ...rest), cuts)
    agree(bytes(0x22, rest.length & 127, ...rest), cuts)
  })

  it.prop(
    "any bytes at all after a message",
    [Schema.Array(byte).check(Schema.isMaxLength(100)), Cuts],
    ([rest, cuts]) => agree(bytes(0x22, rest.length + 3, 0x0a, 1, 7, ...rest), cuts)
  )

  const empty = (count: number) => Buffer.alloc(2 * count, Uint8Array.of(0x0a, 0))
  const lengthOf = (length: number) =>
    Uint8Array.of((length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14)
  const dataOf = (...parts: ReadonlyArray<Uint8Array>) => {
    const inner = Buffer.concat(parts)
    return Buffer.concat([bytes(0x22), lengthOf(inner.byteLength), inner])
  }
  const most = Limits.frameMessagesMax
  const crowded: ReadonlyArray<readonly [string, (count: number) => Uint8Array]> = [
    ["as hosts write them", (count) => dataOf(empty(count))],
    ["behind something else", (count) => dataOf(bytes(0x10, 0), empty(count))],
    ["with something between them", (count) => dataOf(empty(1), bytes(0x10, 0), empty(count - 1))],
    ["in Data that comes in parts", (count) => Buffer.concat([dataOf(empty(9000)), dataOf(empty(count - 9000))])],
    ["with lengths of more bytes than they need", (count) => dataOf(bytes(0x0a, 0x80, 0), empty(count - 1))],
    ["behind a field of a group", (count) => Buffer.concat([bytes(0x4b, 0x4c), dataOf(empty(count))])]
  ]
  for (const [what, frameOf] of crowded)
    it(`as many messages as a frame may have come out, ${what}, and none of more`, () => {
      for (const cuts of [[1 << 24], [5000], [3, 1]]) {
        const good = parse(cut(Envelope.wrap(frameOf(most)), cuts))
        assert.isUndefined(good.violation)
        const messages = good.frames.flatMap((frame) => (frame._tag === "Data" ? frame.messages : []))
        assert.lengthOf(messages, most)
        // What a host may have else in a frame is not told from messages.
        const bad = parse(cut(Envelope.wrap(frameOf(most + 65)), cuts))
        assert.strictEqual(bad.violation, `a frame of more than ${most} messages`)
        const came = bad.frames.flatMap((frame) => (frame._tag === "Data" ? frame.messages : []))
        assert.isAtMost(came.length, most)
      }
      const one = parse([Envelope.wrap(dataOf(empty(most + 1)))])
      assert.isDefined(one.violation)
    })

  it("fields of no known kind are not made either, if they are many", () => {
    const many = Buffer.alloc(100_000, Uint8Array.of(0x38, 1))
    assert.isDefined(parse([Envelope.wrap(many)]).violation)
    assert.isDefined(parse([Envelope.wrap(dataOf(many))]).violation)
    // Bytes of a message are no fields.
    const { frames, violation } = parse([Envelope.wrap(dataOf(bytes(0x10, 0, 0x0a), lengthOf(100_000), many))])
    assert.isUndefined(violation)
    assert.deepStrictEqual(
      frames.flatMap((frame) => (frame._tag === "Data" ? frame.messages.map(({ byteLength }) => byteLength) : [])),
      [100_000]
    )
  })

  it("a frame that is none is refused after what was good, and nothing comes behind it", () => {
    const good = FrameBytes.encode({ _tag: "End", count: 1 })
    for (const cuts of someCuts) {
      const { frames, violation } = parse(cut(Buffer.concat([good, Envelope.wrap(bytes(7)), good]), cuts))
      assert.isDefined(violation)
      assert.deepStrictEqual(frames, [{ _tag: "End", count: 1 }])
    }
  })

  it("a message is handed on before its frame is whole, once it is known not to go on in the next one", () => {
    const wire = FrameBytes.encode({ _tag: "Data", messages: [bytes(1), bytes(2), bytes(3)], partial: true })
    const envelopeAndHead = 7
    const soFar = (come: number) =>
      said(parse([...wire.subarray(0, envelopeAndHead + come)].map((one) => bytes(one))).frames)
    assert.deepStrictEqual(soFar(3), [])
    assert.deepStrictEqual(soFar(4), ["01"])
    assert.deepStrictEqual(soFar(6), ["01"])
    assert.deepStrictEqual(soFar(7), ["01", "02"])
    assert.deepStrictEqual(soFar(10), ["01", "02"])
    assert.deepStrictEqual(soFar(11), ["01", "02", "03", "which goes on"])
  })

  it("what came in one chunk is a view of it, and what came in several is in memory of its own", () => {
    const message = new Uint8Array(100).fill(5)
    const wire = Buffer.from(FrameBytes.encode({ _tag: "Data", messages: [message, message, message], partial: false }))
    const chunks = [Uint8Array.from(wire.subarray(0, 150)), Uint8Array.from(wire.subarray(150))]
    const messages = parse(chunks).frames.flatMap((frame) => (frame._tag === "Data" ? frame.messages : []))
    assert.deepStrictEqual(messages, [message, message, message])
    assert.deepStrictEqual(
      messages.map(({ buffer }) => [chunks.findIndex((chunk) => chunk.buffer === buffer), buffer.byteLength]),
      [
        [0, 150],
        [-1, 102],
        [1, wire.byteLength - 150]
      ]
    )
  })
})
