/**
 * Golden bytes of every frame of version 1: what other languages must write and read.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Frame from "../../../src/protocol/flow/Frame.ts"
import { FrameSchema } from "../../../src/protocol/gen/grinta/v1/flow_pb.ts"

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

const vectors: ReadonlyArray<readonly [string, Frame.Frame, string]> = [
  [
    "open",
    {
      _tag: "Open",
      endpoint: "chat.lobby",
      wireVersion: 1,
      contract: 0x0102030405060708n,
      codec: "bytes/bytes",
      caller: "a",
      host: "b"
    },
    "0a2a0a0a636861742e6c6f626279100119080706050403020122016" + "12a0b62797465732f6279746573320162"
  ],
  [
    "open, with a deadline, a trace and a path",
    {
      _tag: "Open",
      endpoint: "a",
      wireVersion: 1,
      contract: 0n,
      codec: "",
      caller: "",
      host: "",
      deadlineMillis: 1500,
      trace: { parent: "00-1-2-01", state: "k=v" },
      path: ["x", "y"]
    },
    "0a1e0a0161100138dc0b420930302d312d322d30314a036b3d76520178520179"
  ],
  ["accepted", Frame.accepted, "1200"],
  ["rejected", Frame.rejected("EndpointBusy", "full"), "1a080802120466756c6c"],
  ["data", { _tag: "Data", messages: [bytes(1, 2), bytes()], partial: false }, "22060a0201020a00"],
  ["data, partial", { _tag: "Data", messages: [bytes(255)], partial: true }, "22050a01ff1001"],
  ["end", { _tag: "End", count: 300 }, "2a0308ac02"],
  ["end of nothing", { _tag: "End", count: 0 }, "2a00"],
  ["fail", Frame.fail("Reset", "left"), "32080803" + "12046c656674"],
  ["fail, domain", Frame.fail("Domain", "", bytes(7)), "320508011a0107"],
  ["fail, domain, cut", Frame.fail("DomainCut", "big", bytes(7)), "320a080912036269671a0107"]
]

describe("frames, version 1", () => {
  for (const [name, frame, hex] of vectors) {
    it(`${name} has its golden bytes, and comes back from them`, () => {
      const encoded = toBinary(FrameSchema, Frame.toProto(frame))
      assert.strictEqual(Buffer.from(encoded).toString("hex"), hex)
      assert.deepStrictEqual(Frame.fromProto(fromBinary(FrameSchema, encoded)), Result.succeed(frame))
    })
  }

  it("a detail that says too much is cut, so that no frame is too large for it", () => {
    const all = "\uffff".repeat(200_000)
    for (const frame of [Frame.fail("Reset", all), Frame.rejected("Incompatible", all)])
      assert.isAtMost(toBinary(FrameSchema, Frame.toProto(frame)).byteLength, 4096)
  })

  it("a frame of an unknown kind is invalid, a reason of a newer peer is unspecified", () => {
    assert.isTrue(Result.isFailure(Frame.fromProto(fromBinary(FrameSchema, bytes(0x7a, 0x00)))))
    const newer = Frame.fromProto(fromBinary(FrameSchema, bytes(0x32, 0x02, 0x08, 0x63)))
    assert.deepStrictEqual(newer, Result.succeed(Frame.fail("Unspecified", "")))
  })
})
