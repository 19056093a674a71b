import { assert, describe, it } from "@effect/vitest"
import type { Member } from "../../../src/protocol/swim/Member.ts"
import * as RoundTrips from "../../../src/protocol/swim/RoundTrips.ts"
import * as Swim from "../../../src/protocol/swim/Swim.ts"
import * as Random from "../../../src/testing/Random.ts"
import * as Harness from "./Harness.ts"

const { addressOf, aliveOf, make, populate, quiet, receive } = Harness

const measure = (trips: RoundTrips.RoundTrips, { state }: Harness.Harness, roundTripMillis: number | undefined) =>
  RoundTrips.see(trips, state, { _tag: "Probed", name: "m0", outcome: "acked", roundTripMillis })

const hostWith = (count: number) => {
  const host = make({ settings: quiet })
  populate(host, count)
  return { host, trips: RoundTrips.make() }
}

describe("round trips", () => {
  it("are the shortest of the latest four", () => {
    const { host, trips } = hostWith(2)
    assert.isUndefined(RoundTrips.millisTo(trips, host.state, "m0"))
    measure(trips, host, 60)
    assert.isUndefined(RoundTrips.millisTo(trips, host.state, "m0"), "one may be of a host that has just started")
    measure(trips, host, 40)
    assert.strictEqual(RoundTrips.millisTo(trips, host.state, "m0"), 40)
    for (const millis of [80, 80, undefined, 80]) measure(trips, host, millis)
    assert.strictEqual(RoundTrips.millisTo(trips, host.state, "m0"), 40)
    measure(trips, host, 80)
    assert.strictEqual(RoundTrips.millisTo(trips, host.state, "m0"), 80)
    measure(trips, host, 10)
    assert.strictEqual(RoundTrips.millisTo(trips, host.state, "m0"), 10)
    assert.isUndefined(RoundTrips.millisTo(trips, host.state, "m1"))
  })

  it("are hardly moved by answers that come late since a process is busy", () => {
    const { host, trips } = hostWith(1)
    const random = Random.make("busy")
    let late = 0
    for (let probe = 0; probe < 1000; probe++) {
      measure(trips, host, 0.5 + (random() < 0.3 ? 20 * random() : 0.2 * random()))
      if (probe < 10) continue
      // Four in a row are late once in a hundred times; a mean of them would be off most of the time.
      if ((RoundTrips.millisTo(trips, host.state, "m0") ?? 0) > 0.7) late += 1
    }
    assert.isBelow(late, 40)
  })

  it("are measured anew when the member has moved", () => {
    const { host, trips } = hostWith(1)
    measure(trips, host, 40)
    receive(host, [{ _tag: "Dead", incarnation: 1, node: "m0", from: "m0" }])
    receive(host, [aliveOf("m0", 2, addressOf(9))])
    assert.deepStrictEqual(Swim.member(host.state, "m0")?.address, addressOf(9))
    assert.isUndefined(RoundTrips.millisTo(trips, host.state, "m0"))
    for (const millis of [5, 6]) measure(trips, host, millis)
    assert.strictEqual(RoundTrips.millisTo(trips, host.state, "m0"), 5)
  })

  it("are kept of members only, and forgotten with them", () => {
    const { host, trips } = hostWith(3)
    measure(trips, host, 40)
    RoundTrips.see(trips, host.state, { _tag: "Probed", name: "nobody", outcome: "acked", roundTripMillis: 1 })
    assert.deepStrictEqual([...trips.keys()], ["m0"])
    const member: Member = Swim.member(host.state, "m0") ?? assert.fail("no member")
    RoundTrips.see(trips, host.state, { _tag: "Reaped", member })
    assert.strictEqual(trips.size, 0)
  })
})
