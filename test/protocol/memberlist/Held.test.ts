import { assert, describe, it } from "@effect/vitest"
import * as Held from "../../../src/protocol/memberlist/Held.ts"

const mib = 1_048_576

/** Streams that each hold so much, one after the other: how many of them may. */
const admitted = (
  held: Held.Held,
  source: (i: number) => string,
  isMember: boolean,
  bytes: number,
  isOpened = false
) => {
  let times = 0
  for (let i = 0; i < 200; i++) {
    const share = Held.share(source(i), isMember)
    if (Held.hold(held, share, bytes, isOpened)) times += 1
    else Held.release(held, share)
  }
  return times
}

describe("what streams hold", () => {
  it("is bounded for what is not opened: of one address, of strangers, and in all", () => {
    const held = Held.make()
    assert.strictEqual(
      admitted(held, () => "a", false, 20 * mib),
      1
    )
    assert.strictEqual(
      admitted(held, (i) => `${i}`, false, 20 * mib),
      1
    )
    assert.strictEqual(
      admitted(held, (i) => `m${i}`, true, 20 * mib),
      1
    )
    assert.isAtMost(held.unopenedBytes, Held.unopenedBytesMax)
    assert.strictEqual(
      admitted(held, (i) => `m${i}`, true, 20 * mib),
      0
    )
  })

  it("is bounded in all, opened or not", () => {
    const held = Held.make()
    assert.strictEqual(
      admitted(held, (i) => `m${i}`, true, 60 * mib, true),
      3
    )
    assert.strictEqual(
      admitted(held, (i) => `m${i}`, true, 20 * mib, true),
      0
    )
    assert.isAtMost(held.bytes, Held.heldBytesMax)
  })

  it("leaves each stream what a host needs to join", () => {
    const held = Held.make()
    admitted(held, (i) => `m${i}`, true, 20 * mib, true)
    assert.strictEqual(
      admitted(held, (i) => `${i}`, false, Held.freeBytes),
      200
    )
  })

  it("is let go by who has opened what it held, takes less, or is gone", () => {
    const held = Held.make()
    const share = Held.share("a", false)
    assert.isTrue(Held.hold(held, share, 20 * mib, false))
    assert.isTrue(Held.hold(held, share, 30 * mib, true))
    assert.deepStrictEqual([held.unopenedBytes, held.unopenedBySource.size], [0, 0])
    const [a, b] = [Held.share("b", false), Held.share("b", false)]
    assert.isTrue(Held.hold(held, a, 30 * mib, false))
    assert.isFalse(Held.hold(held, b, 30 * mib, false))
    // Who holds less than before is not given up for what others hold.
    assert.isTrue(Held.hold(held, a, 29 * mib, false))
    for (const each of [share, a, b]) Held.release(held, each)
    assert.deepStrictEqual(held, Held.make())
  })
})
