/**
 * A fabric that is upgraded, and brought back, one host after the other, while all hosts exchange checked messages: each
 * exchange ends well or with an error that has a type, only those of a host that is being replaced fail, and what was said
 * of an end on one side is true of the other.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { committed, lastOfRevision0, released } from "../../scripts/released.ts"
import * as Hosts from "./Hosts.ts"
import * as Judge from "./Judge.ts"
import { messages, type Note } from "./Note.ts"

const versions = { "v0.1.0": released("v0.1.0"), "the last of revision 0": committed(lastOfRevision0, "revision-0") }
const isCi = process.env.CI === "true"
const isMissing = Object.values(versions).some((found) => typeof found === "string")

const names = ["h0", "h1", "h2"]

/** Exchanges of each host with each other one between two steps, and how long they may take on a busy machine. */
const wellMin = 3
const wellMillis = 90_000

const portOf = ({ gossip }: Hosts.Host): number => Number(gossip.split(":").at(-1))

/** Starts hosts of the sources in a folder, and replaces them, in turn, by hosts of those in another one. */
const roll = Effect.fnUntraced(function* (before: string | undefined, after: string | undefined) {
  const notes: Array<Note> = []
  const replaced: Array<Judge.Span> = []
  const start = (name: string, others: ReadonlyArray<Hosts.Host>, folder: string | undefined, port?: number) =>
    Hosts.start({
      name,
      seeds: others.map(({ gossip }) => gossip),
      onNote: (note) => notes.push(note),
      ...(folder !== undefined && { folder }),
      ...(port !== undefined && { port })
    })
  const isWell = (since: number) =>
    names.every((from) => names.every((to) => from === to || Judge.wellSince(notes, from, to, since) >= wellMin))
  const allWell = Effect.gen(function* () {
    const since = Date.now()
    while (!isWell(since)) {
      if (Date.now() - since > wellMillis) return yield* Effect.die(`not all went on: ${Judge.last(notes).join("; ")}`)
      yield* Effect.sleep("100 millis")
    }
    return undefined
  })
  const check = (host: Hosts.Host) => host.check(names.filter((name) => name !== host.name))

  const hosts: Array<Hosts.Host> = []
  const touched = (all: ReadonlyArray<string>, from: number) =>
    replaced.push(...all.map((host) => ({ host, from, to: Date.now() })))
  const startedAt = Date.now()
  for (const name of names) hosts.push(yield* start(name, hosts, before))
  yield* Effect.forEach(hosts, check, { discard: true })
  yield* allWell
  touched(names, startedAt)
  for (const [index, old] of [...hosts].entries()) {
    const from = Date.now()
    yield* old.close
    const others = hosts.filter((host) => host !== old)
    const host = yield* start(old.name, others, after, portOf(old))
    hosts[index] = host
    yield* check(host)
    yield* allWell
    touched([old.name], from)
  }
  const from = Date.now()
  yield* Effect.forEach(hosts, ({ close }) => close, { concurrency: "unbounded", discard: true })
  touched(names, from)
  return { notes, replaced, sources: hosts.map(({ sources }) => sources) }
}, Effect.scoped)

const today = new URL("../../src/index.ts", import.meta.url).href

describe("the judge of a rolling upgrade", () => {
  const begin: Note = { note: "begin", exchange: "e", from: "h0", to: "h1", at: 10 }
  const start: Note = { note: "start", exchange: "e", at: 11 }
  const over: Note = { note: "over", exchange: "e", messages, how: "well", at: 12 }
  const end = (how: string, delivered = ""): Note => ({ note: "end", exchange: "e", how, delivered, at: 13 })
  const span = { host: "h1", from: 12, to: 20 }

  it("has nothing to say of what went well, nor of an error of a host that was replaced meanwhile", () => {
    assert.deepStrictEqual(Judge.judge([begin, start, over, end("well")], []), [])
    assert.deepStrictEqual(Judge.judge([begin, start, end("FlowError PeerLost", "maybe")], [span]), [])
  })

  it.each([
    ["no end", [begin, start, over], [span]],
    ["a loss in silence", [begin, start, { ...over, messages: messages - 1 }, end("well")], [span]],
    ["two handlers", [begin, start, start, over, end("well")], [span]],
    ["an untrue no", [begin, start, end("FlowError PeerLost", "no")], [span]],
    ["an error without a type", [begin, start, end("untyped: oops")], [span]],
    ["other messages", [begin, start, over, end("other messages than were sent")], [span]],
    ["an error of hosts that stayed", [begin, start, end("FlowError PeerLost", "maybe")], [{ ...span, host: "h2" }]]
  ] as const)("finds %s", (_, notes, spans) => {
    assert.lengthOf(Judge.judge(notes, spans), 1)
  })
})

describe.skipIf(isMissing && !isCi)("hosts that are replaced one after the other, under traffic", () => {
  const cases = Object.entries(versions).flatMap(([version, found]) =>
    (["up from", "back to"] as const).map((way) => ({ way, version, found }))
  )

  it.live.each(cases)(
    "$way $version",
    ({ found, way }) =>
      Effect.gen(function* () {
        if (typeof found === "string") return assert.fail(found)
        const isUp = way === "up from"
        const [before, after] = isUp ? [found.folder, undefined] : [undefined, found.folder]
        const { notes, replaced, sources } = yield* roll(before, after)
        assert.deepStrictEqual(new Set(sources), new Set([isUp ? today : found.entry.href]))
        assert.deepStrictEqual(Judge.judge(notes, replaced), [])
        return undefined
      }),
    240_000
  )
})
