/**
 * Envelopes: the bytes of the Connect protocol, however they are cut on their way, and nothing but them.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Envelope from "../../../src/protocol/flow/Envelope.ts"
import * as Held from "../../../src/protocol/flow/Held.ts"
import { Cuts, cut, Lengths } from "./Cuts.ts"

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")
const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

const parse = (chunks: ReadonlyArray<Uint8Array>, options = { bytesMax: 300, hasEnd: true }) => {
  const messages: Array<string> = []
  const parser = Envelope.make({ ...options, body: Envelope.whole((message) => messages.push(hex(message))) })
  let violation: string | undefined
  for (const chunk of chunks) violation ??= Envelope.push(parser, chunk)
  return { parser, messages, violation }
}

describe("envelopes", () => {
  it("have their golden bytes", () => {
    assert.strictEqual(hex(Envelope.wrap(bytes(1, 2, 3))), "0000000003010203")
    assert.strictEqual(hex(Envelope.wrap(bytes())), "0000000000")
    assert.strictEqual(hex(Envelope.wrap(new Uint8Array(70_000))).slice(0, 10), "0000011170")
    assert.strictEqual(hex(Envelope.goodEnd), "02000000027b7d")
  })

  it.prop("come out as they went in, however they are cut", [Lengths, Cuts], ([lengths, cuts]) => {
    const sent = lengths.map((length, index) => Uint8Array.from({ length }, (_, i) => (index * 7 + i) & 255))
    const whole = Buffer.concat([...sent.map(Envelope.wrap), Envelope.goodEnd])
    const { messages, parser, violation } = parse(cut(whole, cuts))
    assert.isUndefined(violation)
    assert.deepStrictEqual(messages, sent.map(hex))
    assert.strictEqual(parser.end && hex(Held.view(parser.end)), "7b7d")
    assert.isTrue(Envelope.isComplete(parser))
  })

  it.prop("are incomplete when the last one is, which says nothing of those before", [Lengths, Cuts], ([all, cuts]) => {
    const whole = Buffer.concat([...all, 9].map((length) => Envelope.wrap(new Uint8Array(length))))
    const { messages, parser, violation } = parse(cut(whole.subarray(0, -1), cuts))
    assert.isUndefined(violation)
    assert.strictEqual(messages.length, all.length)
    assert.isFalse(Envelope.isComplete(parser))
  })

  const good = Envelope.wrap(bytes(5))
  const refused: ReadonlyArray<readonly [string, Uint8Array]> = [
    ["a length above the limit", bytes(0, 0, 0, 1, 45)],
    ["the largest length there is", bytes(0, 255, 255, 255, 255)],
    ["the compressed flag", bytes(1, 0, 0, 0, 0)],
    ["an unknown flag", bytes(4, 0, 0, 0, 0)],
    ["the highest flag", bytes(0x80, 0, 0, 0, 0)],
    ["all flags but the highest", bytes(0x7f, 0, 0, 0, 0)],
    ["a compressed end", bytes(3, 0, 0, 0, 0)],
    ["an end of 10 MiB", bytes(2, 0, 160, 0, 0)],
    ["a message after the end", Buffer.concat([Envelope.goodEnd, good])],
    ["two ends", Buffer.concat([Envelope.goodEnd, Envelope.goodEnd])]
  ]
  for (const [what, bad] of refused) {
    it(`${what} is refused with its header, after what was good`, () => {
      for (const lengths of [[1000], [1], [2, 3], [7]]) {
        const { messages, violation } = parse(cut(Buffer.concat([good, bad]), lengths))
        assert.isDefined(violation)
        assert.deepStrictEqual(messages, ["05"])
      }
    })
  }

  it("a request has no end", () => {
    assert.isDefined(parse([Envelope.goodEnd], { bytesMax: 10, hasEnd: false }).violation)
  })
})
