import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Budget from "../../../src/protocol/names/Budget.ts"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as DirectoryDelta from "../../../src/protocol/names/DirectoryDelta.ts"
import * as DirectoryLimits from "../../../src/protocol/names/DirectoryLimits.ts"
import { type NameRecord, recordBytes, recordBytesMax } from "../../../src/protocol/names/NameRecords.ts"
import type { Host } from "../../../src/protocol/names/View.ts"
import * as Random from "../../../src/testing/Random.ts"

const hostOf = (id: string, generation = 10): Host => ({
  id,
  generation,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "",
  tags: {}
})

const recordOf = (fields: Partial<NameRecord>): NameRecord => ({
  host: "b",
  generation: 10,
  version: 1,
  name: "n",
  ownership: "group",
  contract: 1n,
  isTombstone: false,
  ...fields
})

const small: DirectoryLimits.Limits = {
  ...DirectoryLimits.defaults,
  hostNamesMax: 8,
  tombstonesMax: 8,
  writerRecordsPerSecond: 2,
  writerBytesPerSecond: 10_000
}

describe("a budget", () => {
  const Step = Schema.Struct({
    millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3000 })),
    bytes: Schema.Int.check(Schema.isBetween({ minimum: 41, maximum: recordBytesMax }))
  })

  it.prop(
    "gives at once what a host may hold twice over, and then no more than the rate",
    [Schema.Array(Step)],
    ([steps]) => {
      const limits = { ...small, hostBytesMax: 2000, writerBytesPerSecond: 300 }
      const budget = Budget.make(limits, 0)
      let [now, records, bytes] = [0, 0, 0]
      for (const step of steps) {
        now += step.millis
        for (let again = 0; again < 40; again++) {
          if (!Budget.take(budget, step.bytes, now)) break
          records += 1
          bytes += step.bytes
        }
        assert.isAtMost(records, 2 * (8 + 10) + (now / 1000) * 2)
        assert.isAtMost(bytes, 2 * (2000 + 10 * recordBytesMax) + (now / 1000) * 300)
      }
    }
  )

  it("lets through whatever an honest host can hold, in the longest of records", () => {
    const { hostBytesMax, hostNamesMax, tombstonesMax } = DirectoryLimits.defaults
    const budget = Budget.make(DirectoryLimits.defaults, 0)
    for (let count = 0; count < hostNamesMax; count++)
      assert.isTrue(Budget.take(budget, hostBytesMax / hostNamesMax, 0))
    for (let count = 0; count < tombstonesMax * 1.25; count++) assert.isTrue(Budget.take(budget, recordBytesMax, 0))
  })
})

describe("a writer that changes its names too fast", () => {
  /** Host a hears of a flood by b, with another host c beside it. */
  const flooded = (words: number) => {
    const a = Directory.make(hostOf("a"), small)
    const step = (input: Directory.Input, now = 0) => Directory.step(a, input, { now })
    for (const id of ["b", "c"]) step({ _tag: "MemberChanged", id, status: "alive", host: hostOf(id) })
    const outputs = Array.from({ length: words }, (_, at) => {
      const record = recordOf({ version: at + 1, isTombstone: at % 2 === 1 })
      return step({ _tag: "Merge", records: [record], via: "gossip" })
    }).flat()
    return { a, step, outputs }
  }

  const droppedOf = (outputs: ReadonlyArray<Directory.Output>) =>
    outputs.flatMap((output) => (output._tag === "Dropped" ? [`${output.reason} ${output.host}`] : []))

  it("O7: is cut off and counted, is not passed on, and takes nothing from the others", () => {
    const { a, outputs, step } = flooded(1000)
    const passedOn = outputs.filter(({ _tag }) => _tag === "Broadcast").length
    assert.strictEqual(passedOn, 72, "a claim and its withdrawal for one")
    assert.deepStrictEqual([...new Set(droppedOf(outputs))], ["writerRate b"])
    assert.strictEqual(droppedOf(outputs).length, 1000 - 72)
    const other = recordOf({ host: "c", name: "m" })
    assert.isEmpty(droppedOf(step({ _tag: "Merge", records: [other], via: "gossip" })))
    assert.deepStrictEqual(Directory.scan(a, "m").length, 1)
    assert.strictEqual(
      Directory.step(a, { _tag: "Claim", name: "own", ownership: "unique", contract: 1n }, { now: 0 })[0]?._tag,
      "Broadcast"
    )
  })

  it("O7: loses nothing for good: what was cut off is brought by digest once the rate allows it", () => {
    const { a, step } = flooded(1000)
    const b = Directory.make(hostOf("b"), small)
    Directory.step(b, { _tag: "MemberChanged", id: "a", status: "alive", host: hostOf("a") }, { now: 0 })
    for (let word = 0; word < 500; word++) {
      Directory.step(b, { _tag: "Claim", name: "n", ownership: "group", contract: 1n }, { now: 0 })
      if (word < 499) Directory.step(b, { _tag: "Release", name: "n" }, { now: 0 })
    }
    const random = Random.make("budget")
    const exchange = (now: number) =>
      DirectoryDelta.delta(b, DirectoryDelta.digest(a, false, random), random).pieces.flatMap(({ ranges, records }) =>
        step({ _tag: "Merge", records, ranges, via: "delta" }, now)
      )
    assert.deepStrictEqual(droppedOf(exchange(0)), ["writerRate b"])
    // Look-ups show the name all the while: its host is disputed.
    const claims = () => Directory.records(a).filter(({ host, isTombstone }) => host === "b" && !isTombstone)
    assert.isEmpty(claims())
    assert.isEmpty(droppedOf(exchange(1000)))
    assert.strictEqual(claims().length, 1)
    assert.isEmpty(DirectoryDelta.delta(b, DirectoryDelta.digest(a, false, random), random).pieces)
  })
})

describe("the budget of the whole fabric", () => {
  it("refuses what is beyond it, and takes it in when names are withdrawn; own names need no room in it", () => {
    const a = Directory.make(hostOf("a"), { recordsBytesMax: 10 * recordBytes(recordOf({ name: "n00" })) })
    let now = 0
    const step = (input: Directory.Input) => Directory.step(a, input, { now })
    const random = Random.make("fabric")
    const others = ["b", "c"].map((id) => {
      const directory = Directory.make(hostOf(id))
      step({ _tag: "MemberChanged", id, status: "alive", host: hostOf(id) })
      Directory.step(directory, { _tag: "MemberChanged", id: "a", status: "alive", host: hostOf("a") }, { now: 0 })
      return directory
    })
    const claim = (directory: Directory.Directory, name: string) =>
      Directory.step(directory, { _tag: "Claim", name, ownership: "group", contract: 1n }, { now: 0 })
    const exchange = () => {
      for (const other of others)
        for (const { ranges, records } of DirectoryDelta.delta(other, DirectoryDelta.digest(a, false, random), random)
          .pieces)
          step({ _tag: "Merge", records, ranges, via: "delta" })
    }
    const names = (prefix: string) => Directory.scan(a, prefix).length
    const [b, c] = others
    if (b === undefined || c === undefined) return assert.fail("two hosts")
    for (let at = 0; at < 8; at++) claim(b, `b${at}0`)
    exchange()
    for (let at = 0; at < 6; at++) claim(c, `c${at}0`)
    exchange()
    assert.deepStrictEqual([names("b"), names("c")], [8, 2])
    for (let at = 0; at < 5; at++) assert.strictEqual(claim(a, `a${at}`)[0]?._tag, "Broadcast")
    assert.deepStrictEqual([names("a"), names("b"), names("c")], [5, 8, 2])
    for (let at = 0; at < 6; at++) Directory.step(b, { _tag: "Release", name: `b${at}0` }, { now: 0 })
    exchange()
    assert.deepStrictEqual([names("b"), names("c")], [2, 2])
    now = 5 * 60 * 1000
    step({ _tag: "Tick" })
    exchange()
    assert.deepStrictEqual([names("b"), names("c")], [2, 6])
    step({ _tag: "MemberChanged", id: "b", status: "left", host: hostOf("b") })
    step({ _tag: "MemberChanged", id: "b", status: "forgotten", host: undefined })
    for (let at = 6; at < 10; at++) claim(c, `c${at}0`)
    exchange()
    assert.deepStrictEqual([names("b"), names("c")], [0, 10])
    assert.isAtMost(a.foreignBytes, a.limits.recordsBytesMax)
  })
})

describe("R8: limits", () => {
  it("that cannot work are named", () => {
    assert.isUndefined(DirectoryLimits.violation(DirectoryLimits.defaults))
    for (const bad of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      assert.deepStrictEqual(DirectoryLimits.violation({ ...DirectoryLimits.defaults, hostBytesMax: bad }), {
        limit: "hostBytesMax",
        detail: `${bad} is no whole number from 1 to 2^53 - 1`
      })
  })
})
