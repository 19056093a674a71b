import { describe, expect, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Address from "../../src/protocol/Address.ts"
import * as Buckets from "../../src/protocol/Buckets.ts"

describe("Buckets", () => {
  const Asked = Schema.Array(
    Schema.Struct({
      source: Schema.Literals(["a", "b", "c"]),
      afterMillis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 }))
    })
  )

  it.prop("give no source more than it has at once and what comes back, whatever others take", [Asked], ([steps]) => {
    const [perSecond, max] = [5, 8]
    const buckets = Buckets.make(perSecond, max)
    const taken = new Map<string, number>()
    let now = 0
    for (const { afterMillis, source } of steps) {
      now += afterMillis
      if (Buckets.take(buckets, source, now)) taken.set(source, (taken.get(source) ?? 0) + 1)
      else expect(taken.get(source)).toBeGreaterThanOrEqual(max)
      expect(taken.get(source) ?? 0).toBeLessThanOrEqual(max + (perSecond * now) / 1000)
    }
  })

  it("takes nothing where there is too little", () => {
    const buckets = Buckets.make(1, 10)
    expect(Buckets.take(buckets, "a", 0, 11)).toBe(false)
    expect(Buckets.take(buckets, "a", 0, 10)).toBe(true)
  })

  it("forgets the source that took nothing for longest, and holds no more than it may", () => {
    const buckets = Buckets.make(1, 1, 2)
    for (const source of ["a", "b", "a", "c"]) Buckets.take(buckets, source, 0)
    expect([...buckets.bySource.keys()]).toEqual(["a", "c"])
  })
})

describe("Address.source", () => {
  const source = (text: string): string => Address.source(Address.parseHost(text) ?? new Uint8Array(0))

  it("is a host of IPv4, also where it comes mapped to IPv6", () => {
    expect([source("10.0.0.1"), source("::ffff:10.0.0.1")]).toEqual(["10.0.0.1", "10.0.0.1"])
  })

  it("is a /64 of IPv6", () => {
    expect(source("2001:db8:0:1::1")).toBe(source("2001:db8:0:1:ffff::2"))
    expect(source("2001:db8:0:1::1")).not.toBe(source("2001:db8:0:2::1"))
  })
})
