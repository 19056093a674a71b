/** Whom a host looks for. Source: design.md, law 9. */
import { assert, describe, it } from "@effect/vitest"
import * as Reunion from "../../../src/protocol/swim/Reunion.ts"
import { addressOf, at, feed, make, nodeOf, populate, selfAddress } from "./Harness.ts"

describe("whom a host looks for", () => {
  it("the seeds that it does not see, each place once, and never itself", () => {
    const host = make()
    populate(host, 3)
    feed(host, { _tag: "Merge", nodes: [nodeOf("m1", 1, "left", addressOf(1))], join: false })
    const mapped = at("::ffff:10.1.0.0", 7946)
    const stranger = at("192.0.2.1", 1)
    const seeds = [selfAddress, addressOf(0), mapped, addressOf(1), stranger, stranger]
    const found = Reunion.unseen(host.state, seeds, host.random)
    assert.sameDeepMembers([...found], [addressOf(1), stranger])
  })

  it("some of a hundred dead seeds, others each time", () => {
    const host = make()
    populate(host, 3)
    const seeds = Array.from({ length: 100 }, (_, i) => addressOf(100 + i))
    const looks = Array.from({ length: 200 }, () => Reunion.unseen(host.state, seeds, host.random))
    assert.isTrue(looks.every(({ length }) => length === 4))
    assert.strictEqual(new Set(looks.flat()).size, 100)
  })

  /** How many of so many decisions look for the members with these last bytes. */
  const looks = (
    host: ReturnType<typeof make>,
    lost: Reunion.Lost,
    decisions: number,
    nowMillis: number,
    ...bytes: Array<number>
  ) => {
    const found = Array.from({ length: decisions }, () => Reunion.sought(host.state, lost, nowMillis, host.random))
    return bytes.map((byte) => found.filter((address) => address?.bytes.at(-1) === byte).length)
  }

  it("one of those it lost, such that about two of all hosts do, rather one lost lately, and none that is back", () => {
    const host = make()
    populate(host, 8)
    const lost = Reunion.makeLost()
    assert.deepStrictEqual(looks(host, lost, 1000, 0, 200, 201), [0, 0])
    Reunion.note(lost, "a", "dead", addressOf(200), 0)
    const [one = 0] = looks(host, lost, 1000, 60_000, 200)
    assert.closeTo(one, 2000 / 8, 50)
    Reunion.note(lost, "b", "dead", addressOf(201), 0)
    const [a = 0, b = 0] = looks(host, lost, 1000, 60_000, 200, 201)
    assert.closeTo(a + b, 2000 / 8, 50)
    assert.isAbove(b, a)
    assert.isAbove(a, 40)
    for (const status of ["suspect", "left"] as const)
      Reunion.note(lost, status === "left" ? "a" : "b", status, addressOf(200), 0)
    assert.deepStrictEqual(looks(host, lost, 1000, 60_000, 200, 201), [0, 0])
  })

  it("the more seldom the longer ago, and never more seldom than each of them every 40 seconds", () => {
    const host = make()
    populate(host, 8)
    const lost = Reunion.makeLost()
    Reunion.note(lost, "a", "dead", addressOf(200), 0)
    const [hour = 0] = looks(host, lost, 4000, 3_600_000, 200)
    assert.closeTo(hour, (4000 * 2) / 8 / 4, 60)
    const [month = 0] = looks(host, lost, 40_000, 30 * 86_400_000, 200)
    assert.closeTo(month, (40_000 * 2_000) / 40_000 / 8, 60)
  })

  it("always, when it is alone", () => {
    const host = make()
    const lost = Reunion.makeLost()
    Reunion.note(lost, "a", "dead", addressOf(200), 0)
    assert.deepStrictEqual(looks(host, lost, 50, 30 * 86_400_000, 200), [50])
  })

  it("at most 1,024, of which the longest gone is forgotten first", () => {
    const lost = Reunion.makeLost()
    for (let i = 0; i < 1030; i++) Reunion.note(lost, `m${i}`, "dead", addressOf(i), i)
    Reunion.note(lost, "m10", "dead", addressOf(10), 2000)
    assert.deepStrictEqual([lost.size, [...lost.keys()][0], [...lost.keys()].at(-1)], [1024, "m6", "m10"])
  })

  it("after a pause of three to five quarters of the mean", () => {
    const { random } = make()
    const pauses = Array.from({ length: 1000 }, () => Reunion.pauseMillis(100, random))
    assert.isTrue(pauses.every((millis) => millis >= 75 && millis <= 125))
    assert.isAbove(Math.max(...pauses) - Math.min(...pauses), 45)
  })
})
