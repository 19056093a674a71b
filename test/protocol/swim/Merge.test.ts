/** What the other side of a push/pull can make us believe. Source: memberlist-wire.md, sections 10.2, 11.5 and 16. */
import { assert, describe, it } from "@effect/vitest"
import type * as Swim from "../../../src/protocol/swim/Swim.ts"
import { addressOf, feed, make, nodeOf, populate, quiet, reasons, selfAddress, view } from "./Harness.ts"

describe("a push/pull", () => {
  it("leaves out what is incompatible, and keeps the rest", () => {
    const host = make({ settings: quiet })
    const nodes = [
      nodeOf("old", 1, "alive", addressOf(0), { versions: new Uint8Array(0) }),
      nodeOf("other", 1, "alive", addressOf(1), { versions: Uint8Array.of(1, 5, 2, 2, 5, 5) }),
      nodeOf("good", 1, "alive", addressOf(2)),
      nodeOf("gone", 1, "dead", addressOf(3))
    ]
    const outputs = feed(host, { _tag: "Merge", nodes, join: true })
    assert.deepStrictEqual(reasons(outputs), ["incompatible", "incompatible"])
    assert.deepStrictEqual(
      ["old", "other", "good", "gone"].map((name) => view(host, name)),
      ["unknown", "unknown", "alive 1", "unknown"]
    )
  })

  it("makes of a death a suspicion, and of a leave a leave", () => {
    const host = make({ settings: quiet })
    populate(host, 3)
    const nodes = [
      nodeOf("m0", 1, "dead", addressOf(0)),
      nodeOf("m1", 1, "left", addressOf(1)),
      nodeOf("m2", 1, "suspect", addressOf(2))
    ]
    feed(host, { _tag: "Merge", nodes, join: false })
    assert.deepStrictEqual(
      ["m0", "m1", "m2"].map((name) => view(host, name)),
      ["suspect 1", "left 1", "suspect 1"]
    )
  })

  it("gets a restarted host past whatever is remembered of it, once", () => {
    const host = make({ settings: quiet })
    const remembered = (incarnation: number): Swim.Input => ({
      _tag: "Merge",
      nodes: [nodeOf("self", incarnation, "dead", selfAddress)],
      join: true
    })
    feed(host, remembered(1_000_000))
    assert.strictEqual(view(host, "self"), "alive 1000001")
    assert.deepStrictEqual(reasons(feed(host, remembered(2_000_000))), ["incarnationJump"])
  })
})
