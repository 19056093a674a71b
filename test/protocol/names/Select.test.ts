import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Select from "../../../src/protocol/names/Select.ts"
import * as Random from "../../../src/testing/Random.ts"

const place = (id: string, locality = ""): Select.Place => ({ id, locality })

const ids = (places: ReadonlyArray<Select.Place>): ReadonlyArray<string> => places.map(({ id }) => id)

const hosts = (count: number): ReadonlyArray<Select.Place> =>
  Array.from({ length: count }, (_, index) => place(`host-${index}`))

describe("nearest", () => {
  const self = place("me", "eu/fra/rack-7")
  const owners = [
    place("none"),
    place("far", "us/nyc/rack-7"),
    place("country", "eu/ber"),
    place("rack", "eu/fra/rack-7"),
    place("me", "eu/fra/rack-7"),
    place("city", "eu/fra/rack-70"),
    place("within", "eu/fra/rack-7/slot-1")
  ]

  it("is this host, then by the segments shared; the equally near come in any order", () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const order = ids(Select.order(owners, "nearest", self, Random.make(`${seed}`)))
      assert.deepStrictEqual([order[0], order[3], order[4]], ["me", "city", "country"])
      assert.sameMembers(order.slice(1, 3), ["rack", "within"])
      assert.sameMembers(order.slice(5), ["far", "none"])
      seen.add(order.join())
    }
    assert.strictEqual(seen.size, 4)
  })

  it("is this host also when it says no locality, and by chance without one", () => {
    const order = ids(Select.order([place("a"), place("b"), place("me")], "nearest", place("me"), Random.make("1")))
    assert.strictEqual(order[0], "me")
  })

  it("two hosts without a locality are not near each other", () => {
    assert.strictEqual(Select.nearness("", ""), 0)
    assert.strictEqual(Select.nearness("eu/fra", "eu/fra/rack-7"), 2)
    assert.strictEqual(Select.nearness("eu/fra", "eux/fra"), 0)
  })
})

describe("nearest, by round trip", () => {
  const self = place("me", "eu/fra")
  const byPlace = (roundTrips: ReadonlyArray<number | undefined>, locality = "eu/fra") =>
    roundTrips.map((roundTripMillis, index) => ({ ...place(`${locality}-${index}`, locality), roundTripMillis }))

  it("this host, then the place, then the round trip; what was not measured yet is among the nearest of its place", () => {
    const owners = [...byPlace([90, undefined, 40], "eu/fra"), ...byPlace([0.1, 0.2], "us/nyc"), place("me", "eu/fra")]
    const seconds = new Set<string | undefined>()
    for (let seed = 0; seed < 20; seed++) {
      const order = ids(Select.order(owners, "nearest", self, Random.make(`${seed}`)))
      assert.strictEqual(order[0], "me")
      assert.sameMembers(order.slice(1, 3), ["eu/fra-1", "eu/fra-2"])
      assert.strictEqual(order[3], "eu/fra-0")
      assert.sameMembers(order.slice(4), ["us/nyc-0", "us/nyc-1"])
      seconds.add(order[1])
    }
    assert.strictEqual(seconds.size, 2)
  })

  it("owners that are about equally near get equal shares", () => {
    const random = Random.make("shares")
    for (const roundTrips of [
      [10, 12, 19.9],
      [0.05, 0.4, 1],
      [0.4, 0.9, 3.1],
      [0.6, 2.5, undefined],
      [undefined, undefined, undefined]
    ]) {
      const firsts = new Map<string, number>()
      const owners = [...byPlace(roundTrips), ...byPlace([45], "eu/fra").map((far) => ({ ...far, id: "far" }))]
      for (let draw = 0; draw < 3000; draw++) {
        const first = ids(Select.order(roundTrips[0] ? owners : owners.slice(0, 3), "nearest", self, random))[0] ?? ""
        firsts.set(first, (firsts.get(first) ?? 0) + 1)
      }
      assert.strictEqual(firsts.size, 3)
      for (const count of firsts.values()) assert.isTrue(count > 850 && count < 1150, `${count}`)
    }
  })

  const RoundTrips = Schema.Array(
    Schema.UndefinedOr(Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 1000 })))
  )

  it.prop(
    "each owner once, and none before one that is less than half as far",
    [RoundTrips, Schema.String],
    ([of, seed]) => {
      const owners = byPlace(of)
      const order = Select.order(owners, "nearest", self, Random.make(seed))
      assert.sameMembers([...ids(order)], [...ids(owners)])
      const nearest = Math.min(...owners.map(({ roundTripMillis = Infinity }) => roundTripMillis))
      const far = ({ roundTripMillis = nearest }: Select.Candidate) => Math.max(2, roundTripMillis)
      for (const [at, owner] of order.entries())
        for (const later of order.slice(at + 1)) assert.isAtMost(far(owner), 2 * far(later))
    }
  )
})

describe("leastBusy", () => {
  const busy = (...flows: ReadonlyArray<number>) => flows.map((flows, at) => ({ ...place(`host-${at}`), flows }))

  it("is of two the one with fewer open flows, and either of two equals", () => {
    const random = Random.make("two")
    const first = (...flows: ReadonlyArray<number>) =>
      ids(Select.order(busy(...flows), "leastBusy", place("me"), random))[0]
    for (let draw = 0; draw < 100; draw++) assert.strictEqual(first(3, 2), "host-1")
    assert.strictEqual(new Set(Array.from({ length: 100 }, () => first(2, 2))).size, 2)
  })

  it("draws two of many: the busiest never comes first, and nobody else is left out", () => {
    const random = Random.make("many")
    const seen = new Set<string>()
    for (let draw = 0; draw < 400; draw++) {
      const order = ids(Select.order(busy(0, 1, 2, 9), "leastBusy", place("me"), random))
      assert.sameMembers([...order], ["host-0", "host-1", "host-2", "host-3"])
      seen.add(order[0] ?? "")
    }
    assert.sameMembers([...seen], ["host-0", "host-1", "host-2"])
  })

  for (const select of ["leastBusy", "nearest"] as const)
    it(`keeps flows of different lengths level, where chance alone does not: ${select}`, () => {
      const random = Random.make("level")
      const spread = (choose: (owners: ReturnType<typeof busy>) => string | undefined): number => {
        const open = [0, 0, 0, 0, 0, 0]
        let most = 0
        for (let call = 0; call < 3000; call++) {
          const chosen = choose(busy(...open)) ?? ""
          open[Number(chosen.slice("host-".length))] = (open[Number(chosen.slice("host-".length))] ?? 0) + 1
          // Now and then one ends, wherever it is.
          const ended = Math.floor(random() * open.length)
          if (call > 100 && (open[ended] ?? 0) > 0) open[ended] = (open[ended] ?? 0) - 1
          most = Math.max(most, Math.max(...open) - Math.min(...open))
        }
        return most
      }
      const by = (select: Select.Select) =>
        spread((owners) => ids(Select.order(owners, select, place("me"), random))[0])
      assert.isBelow(2 * by(select), by("random"))
    })

  it("decides among the equally near, and never against a nearer one", () => {
    const random = Random.make("near")
    const owners = [
      { ...place("near-idle"), roundTripMillis: 10, flows: 1 },
      { ...place("near-busy"), roundTripMillis: 12, flows: 5 },
      { ...place("far"), roundTripMillis: 90, flows: 0 }
    ]
    for (let draw = 0; draw < 50; draw++)
      assert.deepStrictEqual(ids(Select.order(owners, "nearest", place("me"), random)), [
        "near-idle",
        "near-busy",
        "far"
      ])
  })
})

describe("random", () => {
  it("puts each owner first about equally often, and loses none", () => {
    const random = Random.make("random")
    const firsts = new Map<string, number>()
    for (let draw = 0; draw < 3000; draw++) {
      const order = ids(Select.order(hosts(3), "random", place("me"), random))
      assert.sameMembers([...order], [...ids(hosts(3))])
      firsts.set(order[0] ?? "", (firsts.get(order[0] ?? "") ?? 0) + 1)
    }
    for (const count of firsts.values()) assert.isTrue(count > 850 && count < 1150, `${count}`)
  })
})

describe("host", () => {
  it("is that one, or none", () => {
    const order = (host: string) => ids(Select.order(hosts(3), { host }, place("me"), Math.random))
    assert.deepStrictEqual(order("host-1"), ["host-1"])
    assert.deepStrictEqual(order("host-9"), [])
  })
})

describe("one owner, or none", () => {
  it("is no choice, unless one certain host is wanted: it is what an order would give", () => {
    for (const owners of [[], hosts(1)])
      for (const select of ["nearest", "leastBusy", "random", { key: "cart-1" }] as const) {
        assert.isFalse(Select.isChoice(owners, select))
        assert.deepStrictEqual(Select.order(owners, select, place("me"), Math.random), owners)
      }
    assert.isTrue(Select.isChoice(hosts(1), { host: "host-9" }))
    assert.isTrue(Select.isChoice(hosts(2), { key: "cart-1" }))
  })
})

describe("key", () => {
  const order = (owners: ReadonlyArray<Select.Place>, key: string): ReadonlyArray<string> =>
    ids(Select.order(owners, { key }, place("me"), Math.random))

  it("golden scores, v1", () => {
    assert.deepStrictEqual(
      [Select.score("", "h"), Select.score("cart-1", "host-1"), Select.score("ключ", "b.c")],
      [2441323000, 1826302465, 2123135637]
    )
  })

  it.prop(
    "without an owner the others keep their order, so only its own keys move",
    [Schema.String, Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 7 }))],
    ([key, gone]) => {
      const before = order(hosts(8), key)
      const after = order(
        hosts(8).filter((_, index) => index !== gone),
        key
      )
      assert.deepStrictEqual(
        after,
        before.filter((id) => id !== `host-${gone}`)
      )
    }
  )

  it.prop("does not depend on the order of the owners", [Schema.String, Schema.String], ([key, seed]) => {
    const shuffled = Select.order(hosts(8), "random", place("me"), Random.make(seed))
    assert.deepStrictEqual(order(shuffled, key), order(hosts(8), key))
  })

  it("spreads keys evenly, also very similar ones over very similar hosts", () => {
    const counts = new Map<string, number>()
    for (let key = 0; key < 16_000; key++) {
      const first = order(hosts(16), `user-${key}`)[0] ?? ""
      counts.set(first, (counts.get(first) ?? 0) + 1)
    }
    assert.strictEqual(counts.size, 16)
    for (const count of counts.values()) assert.isTrue(count > 850 && count < 1150, `${count}`)
  })
})
