import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Conduct from "../../../src/protocol/flow/Conduct.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const Batches = Schema.Array(Schema.Struct({ pings: upTo(300), otherBytes: upTo(2), waitMillis: upTo(2_000) }))

describe("the conduct of a session", () => {
  it("has a hundred PINGs at once and ten a second, if nothing else is sent", () => {
    const conduct = Conduct.make(0)
    let sent = 0
    const ping = (now: number) => {
      const isFine = Conduct.ping(conduct, sent, now)
      sent += 17
      return isFine
    }
    for (let i = 0; i < 100; i++) assert.isTrue(ping(0))
    assert.isFalse(ping(0))
    for (let second = 1; second < 20; second++) {
      for (let i = 0; i < 10; i++) assert.isTrue(ping(second * 1000), `${second}: ${i}`)
      assert.isFalse(ping(second * 1000))
    }
  })

  it("has as many PINGs as it likes, one after each thing that was sent", () => {
    const conduct = Conduct.make(0)
    for (let i = 1; i <= 100_000; i++) assert.isTrue(Conduct.ping(conduct, i * (17 + 9), 0))
  })

  it.prop(
    "has no PING more than were sent things, seconds, and a hundred, whenever its answers leave",
    [Batches],
    ([batches]) => {
      const conduct = Conduct.make(0)
      let [sent, unsent, things, now, fine] = [0, 0, 0, 0, 0]
      for (const { otherBytes, pings, waitMillis } of batches) {
        now += waitMillis
        sent += otherBytes
        things += otherBytes > 0 ? 1 : 0
        for (let i = 0; i < pings; i++) {
          if (Conduct.ping(conduct, sent, now)) fine += 1
          unsent += 17
        }
        sent += unsent
        unsent = 0
      }
      assert.isAtMost(fine, things + 100 + now / 100)
    }
  )

  it("has a hundred SETTINGS at once and ten a second", () => {
    const conduct = Conduct.make(0)
    for (let i = 0; i < 100; i++) assert.isTrue(Conduct.settings(conduct, 0))
    assert.isFalse(Conduct.settings(conduct, 0))
    assert.isTrue(Conduct.settings(conduct, 100))
    assert.isFalse(Conduct.settings(conduct, 100))
  })

  const closings: ReadonlyArray<readonly [string, Conduct.Closing, boolean]> = [
    ["answers that were not read", { code: "ERR_HTTP2_ERROR", errno: -904 }, true],
    ["CONTINUATION", { code: "ERR_HTTP2_ERROR", errno: -905 }, true],
    ["invalid frames", { code: "ERR_HTTP2_TOO_MANY_INVALID_FRAMES", errno: -902 }, true],
    ["another protocol", { code: "ERR_HTTP2_ERROR", errno: -903 }, false],
    ["a frame that is wrong", { code: "ERR_HTTP2_ERROR", errno: -505 }, false],
    ["a window that overflows", { code: "ERR_HTTP2_ERROR", errno: -524 }, false],
    ["a connection that was reset", { code: "ECONNRESET", errno: -104 }, false],
    ["an error without a number", {}, false]
  ]
  it.each(closings)("a session that ends with %s", (_, closing, isFlood) => {
    assert.strictEqual(Conduct.floodOf(Conduct.make(0), closing, 999_999) !== undefined, isFlood)
  })

  it("a thousand invalid frames in the long life of a session are no flood", () => {
    const closing = { code: "ERR_HTTP2_TOO_MANY_INVALID_FRAMES", errno: -902 }
    assert.isUndefined(Conduct.floodOf(Conduct.make(0), closing, 1_000_000))
  })

  it("an error after half of the resets that end a session is a flood, and not when they are spread", () => {
    const protocol = { code: "ERR_HTTP2_ERROR", errno: -505 }
    const conduct = Conduct.make(0)
    for (let i = 0; i < Conduct.resetsBurst / 2; i++) Conduct.reset(conduct, 0)
    assert.isUndefined(Conduct.floodOf(conduct, protocol, 0))
    Conduct.reset(conduct, 0)
    assert.isDefined(Conduct.floodOf(conduct, protocol, 0))
    assert.isUndefined(Conduct.floodOf(conduct, { code: "ECONNRESET", errno: -104 }, 0))
    assert.isUndefined(Conduct.floodOf(conduct, protocol, 1))
    const spread = Conduct.make(0)
    for (let i = 0; i < 100_000; i++) Conduct.reset(spread, i)
    assert.isUndefined(Conduct.floodOf(spread, protocol, 100_000))
  })
})
