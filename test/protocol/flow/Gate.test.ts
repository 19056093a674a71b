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
    const inside: Array<Gate.Seat> = []
    const bannedAt = new Map<string, number>()
    let now = 0
    for (const { kind, waitMillis, who } of events) {
      now += waitMillis
      const address = addresses[who] ?? ""
      const isLoopback = address === "127.0.0.1"
      const count = inside.filter((other) => other.address === address).length
      if (kind === "ban") {
        assert.strictEqual(Gate.ban(gate, address, now), !isLoopback)
        if (!isLoopback) bannedAt.set(address, now)
      } else if (kind === "leave" && count > 0) {
        const at = inside.findIndex((seat) => seat.address === address)
        for (const seat of inside.splice(at, 1)) Gate.leave(gate, seat)
      } else if (kind === "enter") {
        const isBanned = now < (bannedAt.get(address) ?? -Infinity) + bounds.banMillis
        const isFull = inside.length >= bounds.sessionsMax ? "full" : undefined
        const expected = isBanned ? "banned" : count >= bounds.sessionsPerAddressMax && !isLoopback ? "crowded" : isFull
        const seat = Gate.arrive(gate, address, now, false)
        assert.strictEqual(typeof seat === "string" ? seat : undefined, expected)
        if (typeof seat !== "string") inside.push(seat)
      }
      assert.strictEqual(gate.total, inside.length)
      assert.strictEqual(gate.inside.size, new Set(inside.map((seat) => seat.address)).size)
    }
  })

  it("has places for others than those that take no more flows, and says which of these is one too many", () => {
    const gate = Gate.make({ ...bounds, sessionsMax: 50 })
    const enter = (address: string, hosts: ReadonlyArray<string>) => {
      const seat = Gate.arrive(gate, address, 0, true)
      if (typeof seat === "string") return assert.fail(seat)
      assert.isUndefined(Gate.prove(gate, seat, hosts, 0))
      return seat
    }
    for (const [hosts, most] of [
      [["a"], Gate.retiredTimes * Gate.sessionsPerPeerMax],
      [[], Gate.retiredTimes * bounds.sessionsPerAddressMax]
    ] as const) {
      const seats = Array.from({ length: most }, () => {
        const seat = enter("10.0.0.1", hosts)
        assert.isUndefined(Gate.retire(gate, seat))
        return seat
      })
      assert.strictEqual(gate.total, 0)
      const next = enter("10.0.0.1", hosts)
      assert.isUndefined(Gate.retire(gate, enter("10.0.0.2", ["b"])))
      assert.strictEqual(Gate.retire(gate, next), seats[0])
      // Saying it twice is fine.
      assert.isUndefined(Gate.retire(gate, next))
      for (const seat of [...gate.retired]) Gate.leave(gate, seat)
      assert.deepStrictEqual([gate.total, gate.inside.size, gate.retiredBy.size], [0, 0, 0])
    }
    const seats: Array<Gate.Seat> = []
    const closed = Array.from({ length: 51 }, (_, at) => {
      seats.push(enter("10.0.1.1", [`host-${at}`]))
      return Gate.retire(gate, seats[at] ?? assert.fail())
    })
    assert.deepStrictEqual(closed, [...Array.from({ length: 50 }, () => undefined), seats[0]])
  })

  it("holds loopback to the bounds of an address when told so", () => {
    const gate = Gate.make({ ...bounds, limitsLoopback: true })
    assert.isTrue(Gate.ban(gate, "127.0.0.1", 0))
    assert.strictEqual(Gate.arrive(gate, "127.0.0.1", 1, false), "banned")
    for (let i = 0; i < 3; i++) assert.isObject(Gate.arrive(gate, "127.0.0.2", 1, false))
    assert.strictEqual(Gate.arrive(gate, "127.0.0.2", 1, false), "crowded")
  })

  /** One that has proven these hosts, or why it did not get in. */
  const proven = (gate: Gate.Gate, address: string, ...hosts: ReadonlyArray<string>) => {
    const seat = Gate.arrive(gate, address, 0, true)
    return typeof seat === "string" ? seat : (Gate.prove(gate, seat, hosts, 0) ?? seat)
  }
  const wide = { ...bounds, sessionsMax: 4096, sessionsPerAddressMax: 64 }

  it("counts hosts that have proven who they are apart: a thousand behind one address, eight times each", () => {
    const gate = Gate.make({ ...wide, sessionsMax: 9000 })
    for (let i = 0; i < 1000; i++)
      for (let times = 0; times < Gate.sessionsPerPeerMax; times++)
        assert.isObject(proven(gate, "10.0.0.1", `host-${i}`), `${i}`)
    assert.strictEqual(proven(gate, "10.0.0.2", "host-0"), "crowded")
    assert.strictEqual(proven(gate, "127.0.0.1", "host-0"), "crowded")
    // Whoever proves nothing counts by address.
    for (let i = 0; i < 64; i++) assert.isObject(proven(gate, "10.0.0.1"), `${i}`)
    assert.strictEqual(proven(gate, "10.0.0.1"), "crowded")
  })

  it("keeps the last places for peers that have few, proven or not", () => {
    const sessionsMax = 4096
    const gate = Gate.make({ ...wide, sessionsMax, sessionsPerAddressMax: sessionsMax })
    const enter = (address: string) => Gate.arrive(gate, address, 0, false)
    const most = (sessionsMax * 7) / 8
    for (let i = 0; i < most; i++) assert.isObject(enter("10.0.0.1"), `${i}`)
    assert.strictEqual(enter("10.0.0.1"), "full")
    const own = sessionsMax / 8 / 16
    for (let i = 0; i < own; i++) assert.isObject(enter("10.0.0.2"), `${i}`)
    assert.strictEqual(enter("10.0.0.2"), "full")
    for (let times = 0; times < Gate.sessionsPerPeerMax; times++) assert.isObject(proven(gate, "10.0.0.1", "a"))
    for (let i = 0; i < own; i++) assert.isObject(proven(gate, "10.0.0.3"), `${i}`)
    assert.strictEqual(proven(gate, "10.0.0.3"), "full")
    // This machine is bound by its total alone.
    while (gate.total < sessionsMax) assert.isObject(enter("127.0.0.1"))
    assert.strictEqual(enter("127.0.0.1"), "full")
    assert.strictEqual(enter("10.0.0.4"), "full")
  })

  it("bans a host that has proven who it is, and nobody else behind its address", () => {
    const gate = Gate.make(wide)
    const seat = proven(gate, "10.0.0.1", "flooder")
    assert.isTrue(typeof seat !== "string" && Gate.ban(gate, seat.peer, 0))
    assert.strictEqual(proven(gate, "10.0.0.9", "flooder"), "banned")
    assert.isObject(proven(gate, "10.0.0.1", "honest"))
    assert.isObject(Gate.arrive(gate, "10.0.0.1", 1, false))
  })

  it("has places for whoever proves who it is, however many are about to, and the first of those go", () => {
    const gate = Gate.make({ ...wide, sessionsMax: 10 })
    const arriving: Array<Gate.Seat> = []
    for (let i = 0; i < 2 * Gate.arrivingMax; i++) {
      const seat = Gate.arrive(gate, `10.0.${i >> 6}.1`, 0, true)
      if (typeof seat !== "string") arriving.push(seat)
      const overdue = Gate.overdue(gate)
      if (overdue === undefined) continue
      assert.strictEqual(overdue, arriving[i - Gate.arrivingMax])
      Gate.leave(gate, overdue)
      // One that is closed proves nothing any more.
      assert.isUndefined(Gate.prove(gate, overdue, ["late"], 0))
    }
    assert.strictEqual(gate.arriving.size, Gate.arrivingMax)
    assert.strictEqual(gate.total, 0)
    for (let i = 0; i < 10; i++) assert.isObject(proven(gate, "10.9.9.9", `host-${i}`))
    assert.strictEqual(proven(gate, "10.9.9.9", "one-more"), "full")
    assert.strictEqual(gate.total, 10)
  })

  it("counts a network of IPv6 as well as its addresses, and bans it as a whole", () => {
    const gate = Gate.make(wide)
    for (let i = 0; i < 16; i++)
      for (let times = 0; times < 64; times++)
        assert.isObject(Gate.arrive(gate, Gate.addressOf(`2001:db8::${i}`), 0, false))
    assert.strictEqual(Gate.arrive(gate, Gate.addressOf("2001:db8::1"), 0, false), "crowded")
    assert.strictEqual(Gate.arrive(gate, Gate.addressOf("2001:db8::99"), 0, false), "crowded")
    const other = Gate.arrive(gate, Gate.addressOf("2001:db8:0:1::1"), 0, false)
    assert.isTrue(typeof other !== "string" && Gate.ban(gate, other.peer, 0))
    assert.strictEqual(Gate.arrive(gate, Gate.addressOf("2001:db8:0:1::2"), 1, false), "banned")
  })

  it("forgets whoever has left", () => {
    const gate = Gate.make(wide)
    for (const seat of [proven(gate, "10.0.0.1", "a"), proven(gate, "2001:db8::1"), Gate.arrive(gate, "::1", 0, true)])
      if (typeof seat !== "string") for (let i = 0; i < 2; i++) Gate.leave(gate, seat)
    assert.deepStrictEqual([gate.total, gate.inside.size, gate.arriving.size], [0, 0, 0])
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
