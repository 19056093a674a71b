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
    const found = Reunion.targets(host.state, Reunion.makeLost(), seeds, host.random)
    assert.sameDeepMembers([...found], [addressOf(1), stranger])
  })

  it("some of a hundred dead seeds, others each time", () => {
    const host = make()
    populate(host, 3)
    const seeds = Array.from({ length: 100 }, (_, i) => addressOf(100 + i))
    const looks = Array.from({ length: 200 }, () => Reunion.targets(host.state, Reunion.makeLost(), seeds, host.random))
    assert.isTrue(looks.every(({ length }) => length === 4))
    assert.strictEqual(new Set(looks.flat()).size, 100)
  })

  it("one of those it lost, the more often the more they are, and none that is back", () => {
    const host = make()
    populate(host, 8)
    const lost = Reunion.makeLost()
    const ofThousand = (): ReadonlyArray<number> => {
      const found = Array.from({ length: 1000 }, () => Reunion.targets(host.state, lost, [], host.random))
      return [200, 201].map((i) => found.filter(([first]) => first?.bytes.at(-1) === i).length)
    }
    assert.deepStrictEqual(ofThousand(), [0, 0])
    Reunion.note(lost, "a", "dead", addressOf(200))
    const [one = 0] = ofThousand()
    assert.closeTo(one, 1000 / 8, 40)
    Reunion.note(lost, "b", "dead", addressOf(201))
    const [a = 0, b = 0] = ofThousand()
    assert.closeTo(a + b, 2000 / 8, 60)
    assert.isAbove(Math.min(a, b), 60)
    for (const status of ["suspect", "left"] as const)
      Reunion.note(lost, status === "left" ? "a" : "b", status, addressOf(200))
    assert.deepStrictEqual(ofThousand(), [0, 0])
  })

  it("always, when it is alone", () => {
    const host = make()
    const lost = Reunion.makeLost()
    Reunion.note(lost, "a", "dead", addressOf(200))
    for (let i = 0; i < 50; i++)
      assert.deepStrictEqual(Reunion.targets(host.state, lost, [], host.random), [addressOf(200)])
  })

  it("at most 1,024, of which the longest gone is forgotten first", () => {
    const lost = Reunion.makeLost()
    for (let i = 0; i < 1030; i++) Reunion.note(lost, `m${i}`, "dead", addressOf(i))
    Reunion.note(lost, "m10", "dead", addressOf(10))
    assert.deepStrictEqual([lost.size, [...lost.keys()][0], [...lost.keys()].at(-1)], [1024, "m6", "m10"])
  })

  it("after a pause of three to five quarters of the mean", () => {
    const { random } = make()
    const pauses = Array.from({ length: 1000 }, () => Reunion.pauseMillis(100, random))
    assert.isTrue(pauses.every((millis) => millis >= 75 && millis <= 125))
    assert.isAbove(Math.max(...pauses) - Math.min(...pauses), 45)
  })
})
