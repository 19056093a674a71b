/** Pairs of measurements: what is asked for, and what is said of them. */
import { assert, describe, it } from "@effect/vitest"
import { rows } from "../../bench/flow/Rows.ts"
import { pairRows, parse } from "../../bench/PairArguments.ts"
import { compare, intervalOf, table, text } from "../../bench/PairReport.ts"

const send = { name: "send", title: "One by one", unit: "messages/s", better: "higher" } as const
const pingPong = { name: "ping-pong p50", title: "Round trip", unit: "us", better: "lower" } as const

const upTo = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, index) => index + 1)

describe("the interval of a median", () => {
  it("has the ranks that the binomial distribution gives", () => {
    assert.deepStrictEqual(intervalOf(upTo(6)), { low: 1, high: 6 })
    assert.deepStrictEqual(intervalOf(upTo(10)), { low: 2, high: 9 })
    assert.deepStrictEqual(intervalOf(upTo(20).toReversed()), { low: 6, high: 15 })
    assert.deepStrictEqual(intervalOf(upTo(100)), { low: 40, high: 61 })
  })

  it("is not there when no two of the values would cover it often enough", () => {
    for (const n of [0, 1, 5]) assert.isUndefined(intervalOf(upTo(n)))
  })

  it("is there for as many pairs as may be asked for", () => {
    const { high, low } = intervalOf(upTo(1000)) ?? { high: 0, low: 0 }
    assert.deepStrictEqual([low, high], [469, 532])
  })
})

describe("a comparison", () => {
  it("takes the ratio within each pair, whatever the pairs have between them", () => {
    const pairs = [1, 10, 100].map((scale) => ({ ours: 12 * scale, theirs: 10 * scale }))
    assert.deepInclude(compare(send, pairs), { pairs: 3, ours: 120, theirs: 100, ratio: 1.2, interval: undefined })
  })

  it("is above 1 for better, also where lower is better", () => {
    assert.strictEqual(compare(pingPong, [{ ours: 80, theirs: 100 }]).ratio, 1.25)
  })

  it("is a line of a table and one of a terminal", () => {
    const all = upTo(6).map((n) => ({ ours: 100 + n, theirs: 100 }))
    const one = compare(send, all)
    assert.include(
      table([one], "today's code", "v0.1.0"),
      "| One by one | 1.035x | 1.010 .. 1.060 | 6 | 104 | 100 | messages/s |"
    )
    assert.match(
      text(one, "v0.1.0"),
      /send +1\.035x +\[1\.010 \.\. 1\.060\] +6 pairs, 104 beside 100 messages\/s of v0\.1\.0/
    )
    assert.include(table([compare(send, all.slice(1))], "today's code", "v0.1.0"), "| too few pairs | 5 |")
  })
})

describe("arguments of the pairs", () => {
  it("asks for 20 pairs of all rows unless told otherwise", () => {
    const usual = { against: "release", commit: undefined, pairs: 20, seconds: 2, page: false, help: false } as const
    assert.deepStrictEqual(parse([]), { ...usual, rows: [...pairRows] })
    for (const name of pairRows) assert.isTrue(rows.some((row) => row.name === name))
  })

  it("takes rows, pairs, a length and the page", () => {
    const asked = parse(["--only", "open", "--only", "send", "--pairs", "6", "--seconds", "0.5", "--page"])
    assert.deepInclude(asked, { rows: ["send", "open"], pairs: 6, seconds: 0.5, page: true })
    assert.deepInclude(parse(["--short"]), { seconds: 0.6, pairs: 20 })
  })

  it("takes what is to be beside what", () => {
    assert.deepInclude(parse(["--against", "plaintext"]), { against: "plaintext", rows: [...pairRows] })
    assert.deepInclude(parse(["--against", "anyone"]), { against: "anyone", rows: ["open"] })
    assert.deepInclude(parse(["--of", "HEAD~1"]), { against: "release", commit: "HEAD~1" })
  })

  it.each([
    [["--against", "all"], /--against takes one of release, plaintext, anyone, not "all"/],
    [["--against", "anyone", "--only", "send"], /there are no pairs of "send"; there are open/],
    [["--of", "HEAD", "--page"], /--of/],
    [["--of", "HEAD", "--against", "plaintext"], /--of/],
    [["--only", "typed"], /there are no pairs of "typed"; there are send, sendAll/],
    [["--pairs", "0"], /--pairs takes a whole number from 1 to 1000, not "0"/],
    [["--pairs", "1.5"], /--pairs/],
    [["--pairs", ""], /--pairs/],
    [["--seconds", "0"], /--seconds takes a number from 0\.1 to 60, not "0"/],
    [["--seconds", "x"], /--seconds/],
    [["--short", "--seconds", "1"], /exclude each other/],
    [["--loud"], /--loud/]
  ])("refuses %j in one line", (argv, says) => {
    const refusal = parse(argv)
    assert.isString(refusal)
    assert.match(String(refusal), says)
    assert.notInclude(String(refusal), "\n")
  })
})
