import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Compression from "../../../src/protocol/memberlist/Compression.ts"
import * as Lzw from "../../../src/protocol/memberlist/Lzw.ts"
import { framed, lzw, messages, serf } from "../../vectors/memberlist.ts"
import { hex, inflated, make, Seed, unhex } from "./support.ts"

const limit = 41_943_040
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
const inflate = (bytes: Uint8Array, max = limit): Uint8Array => Result.getOrThrow(Lzw.inflate(bytes, max))
const reason = (bytes: Uint8Array, max = limit): string =>
  Result.match(Lzw.inflate(bytes, max), { onSuccess: () => "inflated", onFailure: (error) => error.reason })

/** Packs codes of the given widths, least significant bit first. */
const pack = (...codes: ReadonlyArray<readonly [code: number, width: number]>): Uint8Array => {
  const bits = codes.flatMap(([code, width]) => Array.from({ length: width }, (_, i) => (code >>> i) & 1))
  return Uint8Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
    bits.slice(8 * i, 8 * i + 8).reduce((byte, bit, j) => byte | (bit << j), 0)
  )
}

describe("Lzw", () => {
  it("gives the bytes of Go's compress/lzw", () => {
    for (const { input, output } of lzw) {
      assert.strictEqual(hex(Lzw.deflate(unhex(input))), output)
      assert.strictEqual(hex(inflate(unhex(output))), input)
    }
    const counting = Uint8Array.from({ length: 16_384 }, (_, i) => i & 0xff)
    assert.strictEqual(Lzw.deflate(counting).length, 3806)
    assert.strictEqual(
      sha256(Lzw.deflate(counting)),
      "82f09fa1123915190a75618d06dda2ca640a80d27c44d868039dffa944fcee98"
    )
    const zeros = new Uint8Array(100_000)
    assert.strictEqual(Lzw.deflate(zeros).length, 530)
    assert.strictEqual(sha256(Lzw.deflate(zeros)), "7a2b74e419500a3be5ff7cda6b8829a1eb730ccfee1d9e062be7a8ef00a0f6bf")
    assert.isTrue(Buffer.from(inflate(Lzw.deflate(counting))).equals(counting))
    assert.isTrue(Buffer.from(inflate(Lzw.deflate(zeros))).equals(zeros))
  })

  it("re-encodes what peers have compressed to the same bytes", () => {
    const vectors = [
      messages.PUSHPULL_LZW,
      framed.LZW_PING_MIN,
      framed.LZW_ABC20,
      serf.S_ACK_LZW,
      serf.S_PUSHPULL_REQ,
      serf.S_PUSHPULL_REP,
      serf.S_TCP_ACK,
      serf.S_TCP_ERR
    ]
    for (const vector of vectors) assert.strictEqual(hex(Compression.encode(inflated(unhex(vector)))), vector)
    assert.strictEqual(hex(Compression.encode(new Uint8Array(0))), framed.LZW_EMPTY)
    assert.strictEqual(Buffer.from(inflated(unhex(framed.LZW_ABC20))).toString(), "abc".repeat(20))
    assert.strictEqual(hex(inflated(unhex(framed.LZW_PING_MIN))), messages.PING_MIN)
    assert.strictEqual(hex(inflated(unhex(messages.PUSHPULL_LZW))), messages.PUSHPULL)
    assert.strictEqual(inflated(unhex(serf.S_PUSHPULL_REQ)).length, 681)
    assert.strictEqual(inflated(unhex(serf.S_PUSHPULL_REP)).length, 690)
  })

  it("accepts a missing first clear code, not a missing end code", () => {
    assert.strictEqual(hex(inflate(pack([97, 9], [98, 9], [257, 9]))), "6162")
    assert.strictEqual(hex(inflate(pack([97, 9], [258, 9], [257, 9]))), "616161")
    assert.strictEqual(reason(pack([256, 9], [97, 9])), "truncated")
    assert.strictEqual(reason(new Uint8Array(0)), "truncated")
  })

  it("ignores what follows the end code", () => {
    assert.strictEqual(hex(inflate(unhex("00c388191310ffffff"))), "616263")
  })

  it("refuses codes that the table does not have", () => {
    assert.strictEqual(reason(pack([256, 9], [258, 9], [257, 9])), "code")
    assert.strictEqual(reason(pack([97, 9], [259, 9], [257, 9])), "code")
    assert.strictEqual(reason(pack([97, 9], [98, 9], [256, 9], [258, 9], [257, 9])), "code")
  })

  it("U6, S5: stops a bomb at the limit", () => {
    const bomb = Lzw.deflate(new Uint8Array(610_000))
    assert.isBelow(bomb.length, 1400)
    assert.strictEqual(reason(bomb, 65_536), "size")
    assert.strictEqual(inflate(bomb, 610_000).length, 610_000)
    assert.strictEqual(reason(bomb, 609_999), "size")
  })

  it.prop(
    "in small steps gives the same as at once",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const alphabet = random.pick([1, 2, 255])
      const input = Uint8Array.from({ length: random.integer(random.pick([10, 20_000])) }, () =>
        random.integer(alphabet)
      )
      const compressed = Lzw.deflate(input)
      const bytes = random.pick([compressed, compressed.subarray(0, -2), random.bytes(400)])
      const max = random.pick([input.length, input.length >>> 1, 65_536])
      const inflater = Lzw.inflater(bytes, max)
      let step = Lzw.inflateSome(inflater, 0)
      for (let steps = 0; Result.isSuccess(step) && step.success === "more"; steps++) {
        assert.isAtMost(steps, bytes.length + 2 * input.length + 65_536)
        step = Lzw.inflateSome(inflater, 1 + random.integer(300))
      }
      assert.deepStrictEqual(step, Lzw.inflate(bytes, max))
    },
    { arbitrary: { runs: 200 } }
  )

  it("every truncation fails, but that of the padding", () => {
    const bytes = Lzw.deflate(Uint8Array.from({ length: 3000 }, (_, i) => (i * i) & 0x3f))
    for (let length = 0; length < bytes.length - 1; length++)
      assert.strictEqual(reason(bytes.subarray(0, length)), "truncated")
  })

  it.prop(
    "gives back what went in",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const alphabet = random.pick([1, 2, 5, 255])
      const input = Uint8Array.from({ length: random.integer(random.pick([10, 300, 9000])) }, () =>
        random.integer(alphabet)
      )
      assert.isTrue(Buffer.from(inflate(Lzw.deflate(input), input.length)).equals(input))
    },
    { arbitrary: { runs: 200 } }
  )

  it("forgets its strings when the generations of the table run out", () => {
    const input = Uint8Array.from({ length: 40 }, (_, i) => i % 3)
    const output = hex(Lzw.deflate(input))
    for (let i = 0; i < 5000; i++) assert.strictEqual(hex(Lzw.deflate(input)), output)
  })

  it.prop(
    "never throws on other bytes",
    [Seed],
    ([seed]) => {
      const random = make(seed)
      const result = Lzw.inflate(random.bytes(400), 65_536)
      if (Result.isSuccess(result)) assert.isAtMost(result.success.length, 65_536)
    },
    { arbitrary: { runs: 500 } }
  )
})
