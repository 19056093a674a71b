/** What is made of a run: verdicts, tables, pictures, pages. */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { rows } from "../../bench/flow/Rows.ts"
import * as Plot from "../../bench/Plot.ts"
import { conditions, insert, linesOf, mustShow, number, table } from "../../bench/Report.ts"
import { fromJson, type Run } from "../../bench/Run.ts"
import { judge, targets } from "../../bench/Targets.ts"

const send = { name: "send", title: "One by <one>", unit: "messages/s", better: "higher" } as const
const pingPong = { name: "ping-pong p50", title: "Round trip", unit: "us", better: "lower" } as const
const idle = { name: "idle server", title: "Idle", unit: "KiB", better: "lower" } as const

const run: Run = {
  node: "v24.0.0",
  cores: 2,
  load: 0.5,
  repeats: 3,
  seconds: 60,
  leftOut: [{ name: "NATS", why: "nats-server is not installed" }],
  failed: [],
  figures: [send, pingPong, idle],
  results: [
    { figure: "send", candidate: "grinta, bytes", values: [900_000, 800_000, 1_000_000] },
    { figure: "send", candidate: "ws", values: [300_000, 100_000, 200_000] },
    { figure: "send", candidate: "Effect Rpc, ndjson", values: [500_000, 500_000, 500_000] },
    { figure: "send", candidate: "Effect Rpc, SchemaBinary", values: [600_000, 600_000, 600_000] },
    { figure: "ping-pong p50", candidate: "grinta, bytes", values: [80, 90, 70] },
    { figure: "ping-pong p50", candidate: "raw HTTP/2", values: [50, 50, 50] },
    { figure: "ping-pong p50", candidate: "grpc-js", values: [80, 80, 80] },
    { figure: "ping-pong p50", candidate: "Effect Rpc, ndjson", values: [120, 120, 120] },
    { figure: "ping-pong p50", candidate: "Effect Rpc, SchemaBinary", values: [110, 110, 110] },
    { figure: "idle server", candidate: "grinta, bytes", values: [10.5, 10, 11] },
    { figure: "idle server", candidate: "raw HTTP/2", values: [2.5, 2, 3] }
  ]
}

const verdict = (figure: string, reference?: string) =>
  judge(run).find((one) => one.figure === figure && one.reference?.candidate === reference && one.isAim === undefined)

describe("targets", () => {
  it("are about figures that the rows have", () => {
    const names = rows.flatMap(({ figures }) => figures.map(({ name }) => name))
    for (const { figure, reference } of targets)
      for (const name of [figure, ...(reference?.figures ?? [])]) assert.include(names, name)
  })

  it("compares medians, and with the best of a family", () => {
    assert.deepInclude(verdict("send", "ws"), { value: 4.5, holds: true })
    const rpc = { candidate: "Effect Rpc, SchemaBinary", value: 600_000 }
    assert.deepInclude(verdict("send", "Effect Rpc"), { other: rpc, value: 1.5, holds: false })
    assert.deepInclude(verdict("ping-pong p50", "raw HTTP/2"), { value: 1.6, holds: true })
    const fastest = { candidate: "Effect Rpc, SchemaBinary", value: 110 }
    assert.deepInclude(verdict("ping-pong p50", "Effect Rpc"), { other: fastest, holds: true })
    assert.deepInclude(verdict("idle server", "raw HTTP/2"), { value: 8, holds: true })
  })

  it("wants below to be below", () => {
    assert.deepInclude(verdict("ping-pong p50", "grpc-js"), { value: 1, holds: false })
  })

  it("says of what is missing that it was not measured", () => {
    assert.deepInclude(verdict("send", "NATS"), { value: undefined, holds: undefined })
    assert.deepInclude(verdict("typed"), { ours: undefined, value: undefined, holds: undefined })
  })

  it("shows each in its table, met or not", () => {
    const lines = mustShow(run).split("\n").slice(2)
    assert.lengthOf(lines, targets.length)
    assert.isTrue(lines.some((line) => line.endsWith("| 1.50x | ≥ 1.8x | **no** |")))
    assert.isTrue(lines.some((line) => line.includes("| NATS |") && line.includes("not measured")))
  })
})

describe("tables", () => {
  it("has every candidate with its spread, above 1 for better than the first", () => {
    assert.include(table(run, send), "| grinta, bytes | 900,000 | 800,000 .. 1,000,000 | 1.00x |")
    assert.include(table(run, send), "| ws | 200,000 | 100,000 .. 300,000 | 0.22x |")
    assert.include(table(run, pingPong), "| raw HTTP/2 | 50 | 50 .. 50 | 1.60x |")
  })

  it("says who failed, in each figure of the row and in no other", () => {
    const failed = [{ row: "ping-pong", candidate: "ws", why: "stuck" }]
    assert.isTrue(table({ ...run, failed }, pingPong).endsWith("\n| ws | **failed** | | |"))
    assert.notInclude(table({ ...run, failed }, send), "failed")
    assert.include(conditions({ ...run, failed }), "Failed: ws in ping-pong (stuck).")
  })

  it("says who was left out, and that others worked on the machine", () => {
    assert.include(conditions(run), "Left out: NATS (nats-server is not installed).")
    assert.notInclude(conditions(run), "busy")
    assert.include(conditions({ ...run, load: 2 }), "The machine was busy")
  })

  it("writes numbers with three digits", () => {
    assert.deepStrictEqual([1234567, 1000, 123.4, 12.34, 1.234, 0].map(number), [
      "1,234,567",
      "1,000",
      "123",
      "12.3",
      "1.23",
      "0"
    ])
  })

  it("replaces what is between the markers, again and again, and nothing else", () => {
    const page = "before\n\n<!-- a -->\nold\n<!-- /a -->\n\nafter\n"
    const once = insert(page, "a", "new")
    assert.strictEqual(once, "before\n\n<!-- a -->\n\nnew\n\n<!-- /a -->\n\nafter\n")
    assert.strictEqual(insert(once, "a", "new"), once)
    assert.strictEqual(insert(page, "b", "more"), `${page}\n<!-- b -->\n\nmore\n\n<!-- /b -->\n`)
  })
})

describe("a plot", () => {
  const picture = Plot.svg(send, linesOf(run, send))

  it("has a bar and a spread for each candidate, the longest spread to the edge", () => {
    assert.lengthOf(picture.match(/<rect x="190"/g) ?? [], 4)
    assert.lengthOf(picture.match(/class="spread"\/>/g) ?? [], 4)
    const ends = [...picture.matchAll(/H([\d.]+)M/g)].map(([, end]) => Number(end))
    assert.strictEqual(Math.max(...ends), 710)
    const bars = [...picture.matchAll(/<rect x="190" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width))
    assert.deepStrictEqual(bars, [468, 104, 260, 312])
  })

  it("is a document that escapes what it is told", () => {
    assert.include(picture, "<title>One by &lt;one&gt;</title>")
    assert.notInclude(picture, "NaN")
  })
})

describe("the file of a run", () => {
  it("is read back as it was written", () => {
    assert.deepStrictEqual(fromJson(JSON.stringify(run)), Result.succeed(run))
  })

  it("is refused if it is anything else", () => {
    for (const text of [
      "",
      "{}",
      JSON.stringify({ ...run, results: [{ figure: "send", candidate: "ws", values: [] }] })
    ])
      assert.isTrue(Result.isFailure(fromJson(text)))
  })
})
