import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Bans from "../../../src/protocol/flow/Bans.ts"
import * as Gate from "../../../src/protocol/flow/Gate.ts"

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))
const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "127.0.0.1", "fe80::1%2"] as const
const Event = Schema.Struct({
  kind: Schema.Literals(["enter", "leave", "ban"]),
  who: upTo(4),
  waitMillis: upTo(40_000)
})
const bounds = { sessionsMax: 6, sessionsPerAddressMax: 3, banMillis: 60_000, limitsLoopback: false }

describe("bans", () => {
  it("last as long as was said, and anew from a second flood on", () => {
    const bans = Bans.make(60_000, 10)
    Bans.ban(bans, "a", 0)
    assert.isTrue(Bans.isBanned(bans, "a", 59_999))
    assert.isFalse(Bans.isBanned(bans, "b", 0))
    Bans.ban(bans, "a", 50_000)
    assert.isTrue(Bans.isBanned(bans, "a", 109_999))
    assert.isFalse(Bans.isBanned(bans, "a", 110_000))
    assert.strictEqual(bans.until.size, 0)
  })

  it.prop(
    "are never more than their bound, and forget what is over before what is not",
    [Schema.Array(Schema.Struct({ who: upTo(20), waitMillis: upTo(30_000) }))],
    ([floods]) => {
      const bans = Bans.make(60_000, 5)
      let now = 0
      const last = new Map<string, number>()
      for (const { waitMillis, who } of floods) {
        now += waitMillis
        Bans.ban(bans, String(who), now)
        last.delete(String(who))
        last.set(String(who), now)
        assert.isAtMost(bans.until.size, 5)
        const banned = [...last].filter(([, at]) => at + 60_000 > now).map(([address]) => address)
        for (const address of banned.slice(-5)) assert.isTrue(Bans.isBanned(bans, address, now))
        for (const address of last.keys())
          if (!banned.slice(-5).includes(address)) assert.isFalse(Bans.isBanned(bans, address, now))
      }
    }
  )
})

describe("a gate", () => {
  it.prop("keeps its bounds, and refuses for no other reason", [Schema.Array(Event)], ([events]) => {
    const gate = Gate.make(bounds)
    const inside: Array<string> = []
    const bannedAt = new Map<string, number>()
    let now = 0
    for (const { kind, waitMillis, who } of events) {
      now += waitMillis
      const address = addresses[who] ?? ""
      const isLoopback = address === "127.0.0.1"
      const count = inside.filter((other) => other === address).length
      if (kind === "ban") {
        assert.strictEqual(Gate.ban(gate, address, now), !isLoopback)
        if (!isLoopback) bannedAt.set(address, now)
      } else if (kind === "leave" && count > 0) {
        Gate.leave(gate, address)
        inside.splice(inside.indexOf(address), 1)
      } else if (kind === "enter") {
        const isBanned = now < (bannedAt.get(address) ?? -Infinity) + bounds.banMillis
        const isFull = inside.length >= bounds.sessionsMax ? "full" : undefined
        const expected = isBanned ? "banned" : count >= bounds.sessionsPerAddressMax && !isLoopback ? "crowded" : isFull
        const refusal = Gate.enter(gate, address, now)
        assert.strictEqual(refusal, expected)
        if (refusal === undefined) inside.push(address)
      }
      assert.strictEqual(gate.total, inside.length)
      assert.strictEqual(gate.inside.size, new Set(inside).size)
    }
  })

  it("holds loopback to the bounds of an address when told so", () => {
    const gate = Gate.make({ ...bounds, limitsLoopback: true })
    assert.isTrue(Gate.ban(gate, "127.0.0.1", 0))
    assert.strictEqual(Gate.enter(gate, "127.0.0.1", 1), "banned")
    for (let i = 0; i < 3; i++) assert.isUndefined(Gate.enter(gate, "127.0.0.2", 1))
    assert.strictEqual(Gate.enter(gate, "127.0.0.2", 1), "crowded")
  })

  it("counts an address once in all its forms", () => {
    const forms = [
      ["10.0.0.1", "10.0.0.1"],
      ["::ffff:10.0.0.1", "10.0.0.1"],
      ["::FFFF:0a00:0001", "10.0.0.1"],
      ["::1", "0:0:0:0:0:0:0:1"],
      ["0:0::1", "0:0:0:0:0:0:0:1"],
      ["fe80::1%2", "fe80::1%2"],
      ["", ""]
    ] as const
    for (const [text, address] of forms) {
      assert.strictEqual(Gate.addressOf(text), address)
      assert.strictEqual(Gate.addressOf(address), address)
    }
    const gate = Gate.make(bounds)
    for (const text of ["::1", "::ffff:127.0.0.1", "127.9.9.9"])
      assert.isFalse(Gate.ban(gate, Gate.addressOf(text), 0), text)
  })
})
