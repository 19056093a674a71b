/** A receiver that counted all of a load says so, and one that did not is found out. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { expected, loadOf, Tally } from "../../bench/flow/Load.ts"
import { percentile, summary } from "../../bench/stats.ts"

const received = (messages: ReadonlyArray<Uint8Array>) => {
  const tally = new Tally()
  for (const message of messages) tally.add(message)
  return tally.receipt
}

describe("a load", () => {
  it("has messages of its size, in each form", () => {
    for (const size of [60, 100, 64 * 1024]) {
      const { bytes, said, texts } = loadOf(size, 1)
      for (const message of bytes) assert.strictEqual(message.byteLength, size)
      for (const text of texts) assert.strictEqual(text.length, size)
      for (const one of said) assert.strictEqual(JSON.stringify(one).length, size)
      assert.strictEqual(new Set(texts).size, texts.length)
    }
  })

  it("counts the same as bytes and as texts", () => {
    const load = loadOf(100, 3)
    const tally = new Tally()
    for (let round = 0; round < load.rounds; round++) for (const text of load.texts) tally.addText(text)
    assert.deepStrictEqual(tally.receipt, expected(load, "bytes"))
  })

  it.prop(
    "counts the same as a stream, wherever it is cut",
    [Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 700 })))],
    ([cuts]) => {
      const load = loadOf(100, 2)
      const all = Buffer.concat([...load.bytes, ...load.bytes])
      const tally = new Tally()
      let at = 0
      for (const cut of cuts) {
        tally.addStream(all.subarray(at, at + cut), load.size)
        at = Math.min(all.byteLength, at + cut)
      }
      tally.addStream(all.subarray(at), load.size)
      assert.deepStrictEqual(tally.receipt, expected(load, "bytes"))
    }
  )

  it("tells a missing, a doubled, a swapped and a cut message", () => {
    const { bytes } = loadOf(100, 1)
    const whole = expected(loadOf(100, 1), "bytes")
    const [first = new Uint8Array(), second = new Uint8Array(), ...rest] = bytes
    assert.deepStrictEqual(received(bytes), whole)
    assert.notDeepEqual(received([second, ...rest]), whole)
    assert.notDeepEqual(received([first, first, second, ...rest]), whole)
    assert.notDeepEqual(received([second, first, ...rest]), whole)
    assert.notDeepEqual(received([first.subarray(1), second, ...rest]), whole)
  })
})

describe("a summary", () => {
  it("is the middle of the values, the lowest and the highest", () => {
    assert.deepStrictEqual(summary([5, 1, 4, 2, 3]), { median: 3, min: 1, max: 5 })
    assert.deepStrictEqual(summary([10, 2, 4, 1]), { median: 3, min: 1, max: 10 })
    assert.strictEqual(
      percentile(
        Array.from({ length: 100 }, (_, i) => i),
        0.99
      ),
      99
    )
  })
})
