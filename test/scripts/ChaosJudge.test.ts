/** The judge of chaos: each promise, kept and broken, in journals written by hand. */
import { assert, describe, it } from "vitest"
import { parse } from "../../scripts/chaos/Arguments.ts"
import { bounds, judge, type Life } from "../../scripts/chaos/Judge.ts"
import * as Plan from "../../scripts/chaos/Plan.ts"
import type { Failure } from "../../test/net/HostOrders.ts"
import type { Note } from "../../test/net/Notes.ts"

const at = 1_000_000
const exchange = "h0.1/1 to h1"

const begin: Note = { note: "begin", exchange, to: "h1", of: 2, at }
const opened: Note = { note: "opened", exchange, at: at + 10 }
const back = (number: number): Note => ({ note: "back", exchange, number })
const strange: Note = { note: "back", exchange: "h3.1/7 to h1", number: 0 }
const end = (how: Extract<Note, { readonly note: "end" }>["how"], after = 100): Note => ({
  ...{ note: "end", exchange, how, at: at + after }
})
const start: Note = { note: "start", run: 1, exchange, at: at + 10 }
const got = (number: number): Note => ({ note: "got", run: 1, exchange, number })
const over = (how = "well"): Note => ({ note: "over", run: 1, how, at: at + 90 })

const failure = (operation: "connect" | "flow", delivered: string, tag = "FlowError"): Failure => ({
  ...{ at, load: "numbers", operation, tag, reason: "PeerLost", delivered, detail: "a cut" }
})

type Notes = ReadonlyArray<Note>

/** The laws that are broken when the caller and the endpoint note so. */
const broken = (
  caller: Notes,
  endpoint: Notes,
  { callers = {}, endpoints = {} }: { readonly callers?: Partial<Life>; readonly endpoints?: Partial<Life> } = {}
): ReadonlyArray<string> => {
  const lives: ReadonlyArray<Life> = [
    { name: "h0.1", notes: caller, ...callers },
    { name: "h1.1", notes: endpoint, ...endpoints }
  ]
  return [...new Set(judge(lives, at + 120_000).violations.map(({ law }) => law))]
}

const wellAtCaller = [begin, opened, back(0), back(1), end("well")]
const wellAtEndpoint = [start, got(0), got(1), over()]

describe("the judge of chaos", () => {
  it("has nothing against what is as it should be", () => {
    assert.deepStrictEqual(broken(wellAtCaller, wellAtEndpoint), [])
    const { begun, messages, well } = judge([{ name: "h0.1", notes: wellAtCaller }], at)
    assert.deepStrictEqual([begun, messages, well], [1, 2, 1])
    const lost = [begin, opened, back(0), end(failure("flow", "maybe"))]
    assert.deepStrictEqual(broken(lost, [start, got(0), got(1), over("PeerLost")]), [])
    assert.deepStrictEqual(broken([begin, opened, end("left")], [start, got(0), over("FlowReset")]), [])
    assert.deepStrictEqual(broken([begin, end(failure("connect", "no", "NetworkError"))], []), [])
    const killed = { end: { at: at + 50, by: "kill" } } as const
    assert.deepStrictEqual(broken([begin, opened, back(0)], wellAtEndpoint, { callers: killed }), [])
  })

  it.each<readonly [law: string, what: string, caller: Notes, endpoint: Notes]>([
    ["order", "two that are swapped", wellAtCaller, [start, got(1), got(0), over()]],
    ["order", "two that come back swapped", [begin, opened, back(1), back(0), end("well")], wellAtEndpoint],
    ["order", "a message twice", wellAtCaller, [start, got(0), got(1), got(1), over("FlowReset")]],
    ["at most once", "a handler twice", wellAtCaller, [...wellAtEndpoint, { ...start, run: 2 }]],
    ["no silent loss", "an end that hides one from the endpoint", wellAtCaller, [start, got(0), over()]],
    ["no silent loss", "an end that hides one from the caller", [begin, opened, back(0), end("well")], wellAtEndpoint],
    ["no silent loss", "an end of a handler that was cut off", wellAtCaller, [start, got(0), got(1), over("PeerLost")]],
    ["nothing acknowledged is lost", "an answer from nowhere", [begin, opened, back(0), end("left")], [start]],
    ["no is a promise", "a connect", [begin, end(failure("connect", "no", "NetworkError"))], [start]],
    ["no is a promise", "a flow", [begin, opened, end(failure("flow", "no"))], [start, got(0)]],
    ["no is a promise", "the end alone", [begin, opened, end(failure("flow", "no"))], [start, over()]],
    ["every failure has a type", "a defect", [begin, opened, end(failure("flow", "", "untyped"))], [start]],
    ["values", "a message of another", [begin, opened, strange, end("left")], [start]],
    ["everything settles", "no end", [begin, opened], [start]],
    ["everything settles", "a late connect", [begin, end(failure("connect", "no"), bounds.connectMillis + 1)], []],
    [
      "everything settles",
      "a late end",
      [begin, opened, end(failure("flow", "maybe"), bounds.exchangeMillis + 1)],
      [start]
    ]
  ])("finds against %s: %s", (law, _, caller, endpoint) => {
    assert.include(broken(caller, endpoint), law)
  })

  it("finds who is told late that its peer was killed, but for the time in which it was not let run itself", () => {
    const late = [begin, opened, end(failure("flow", "maybe"), bounds.toldMillis + 2_000)]
    const endpoints: Partial<Life> = { end: { at: at + 1_000, by: "kill" } }
    assert.deepStrictEqual(broken(late, [start], { endpoints }), ["everything settles"])
    const stopped: Note = { note: "late", from: at + 1_500, to: at + 4_000 }
    assert.deepStrictEqual(broken([...late, stopped], [start], { endpoints }), [])
  })
})

describe("the plan of chaos", () => {
  const options = { seed: 5, hosts: 12, millis: 300_000, hasSwitch: true }

  it("is the same for a seed, and another for another one", () => {
    assert.deepStrictEqual(Plan.make(options), Plan.make(options))
    assert.notDeepEqual(Plan.make(options), Plan.make({ ...options, seed: 6 }))
  })

  it("has every fault in five minutes, each in its bounds", () => {
    const planned = Plan.make(options)
    const names = new Set<string>(planned.map(({ fault }) => fault))
    assert.deepStrictEqual(
      [...Plan.hostFaults, ...Plan.wideFaults].filter((name) => !names.has(name)),
      []
    )
    for (const { atMillis, host, millis, other } of planned) {
      assert.isTrue(atMillis < options.millis && millis <= 12_000)
      assert.isTrue(host !== other && host < options.hosts && other < options.hosts)
    }
  })

  it("has none of a network on loopback", () => {
    const names = new Set<string>(Plan.make({ ...options, hasSwitch: false }).map(({ fault }) => fault))
    assert.isTrue(names.has("kill and restart") && !names.has("loss") && !names.has("half-open TCP"))
  })
})

describe("arguments of chaos", () => {
  it("has a default for all, and takes what it is told", () => {
    const defaults = { minutes: 10, hosts: 12, seed: 3, json: false, loopback: false }
    assert.deepStrictEqual(parse([], 3), defaults)
    const argv = ["--minutes", "0.5", "--hosts=8", "--seed", "9", "--json"]
    assert.deepStrictEqual(parse(argv, 3), { ...defaults, minutes: 0.5, hosts: 8, seed: 9, json: true })
  })

  it.each([[["--hosts", "17"]], [["--minutes", "soon"]], [["--seed=-1"]], [["--loud"]]])("refuses %j", (argv) => {
    const refusal = parse(argv, 3)
    assert.isTrue(typeof refusal === "object" && "wrong" in refusal && !refusal.wrong.includes("\n"))
  })
})
