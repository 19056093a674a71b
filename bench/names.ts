/**
 * One name directory of a million names: what look-ups, steps and watchers cost, and what a name takes in memory, beside
 * what was aimed at.
 *
 * Usage: node bench/names.ts [--names N] [--hosts N] [--json FILE]
 */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { Effect, Result, Stream } from "effect"
import * as Watchers from "../src/layers/registry/Watchers.ts"
import * as Directory from "../src/protocol/names/Directory.ts"
import * as DirectoryDelta from "../src/protocol/names/DirectoryDelta.ts"
import * as NameRecords from "../src/protocol/names/NameRecords.ts"
import * as Pending from "../src/protocol/names/Pending.ts"
import * as Random from "../src/testing/Random.ts"
import { percentile } from "./stats.ts"

const { values } = parseArgs({
  options: {
    names: { type: "string", default: "1000000" },
    hosts: { type: "string", default: "1000" },
    json: { type: "string" }
  }
})
const count = Number(values.names)
const hosts = Number(values.hosts)
/** Names of one prefix. */
const group = 100
const random = Random.make("names")

setFlagsFromString("--expose-gc")
const gc: () => void = runInNewContext("gc")

const heap = (): number => {
  gc()
  gc()
  return process.memoryUsage().heapUsed
}

interface Row {
  readonly figure: string
  readonly value: number
  readonly unit: string
  /** Undefined where nothing was promised. */
  readonly target: { readonly value: number; readonly better: "higher" | "lower" } | undefined
}

const rows: Array<Row> = []

const number = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3)

const tell = (figure: string, value: number, unit: string, target?: Row["target"]): void => {
  rows.push({ figure, value, unit, target })
  const aim =
    target === undefined
      ? ""
      : `${target.better === "higher" ? "at least" : "at most"} ${number(target.value)}` +
        ((target.better === "higher") === value >= target.value ? "" : "  MISSED")
  process.stdout.write(`  ${figure.padEnd(58)} ${number(value).padStart(10)} ${unit.padEnd(8)} ${aim}\n`)
}

const atLeast = (value: number) => ({ value, better: "higher" }) as const
const atMost = (value: number) => ({ value, better: "lower" }) as const

/** What each of `times` turns takes, in milliseconds. */
const sample = (times: number, run: (turn: number) => void): ReadonlyArray<number> =>
  Array.from({ length: times }, (_, turn) => {
    const beganAt = performance.now()
    run(turn)
    return performance.now() - beganAt
  })

const median = (values: ReadonlyArray<number>): number => percentile(values, 0.5)

/**
 * Turns a second of processor time, that of the garbage collector's helpers included: what other programs do meanwhile does
 * not count.
 */
const rate = (times: number, run: (turn: number) => void): number => {
  const began = process.cpuUsage()
  for (let turn = 0; turn < times; turn++) run(turn)
  const { system, user } = process.cpuUsage(began)
  return (times * 1_000_000) / (user + system)
}

const prefixOf = (at: number): string => `shop-${String(at).padStart(6, "0")}.`
/** 24 characters; a different string each time. */
const nameOf = (at: number): string =>
  `${prefixOf(Math.floor(at / group))}item-${String(at % group).padStart(3, "0")}.eu`
const pick = (max: number): number => Math.floor(random() * max)
const idOf = (host: number): string => `host-${String(host).padStart(5, "0")}`

const hostOf = (id: string) => ({
  id,
  generation: 1_780_000_000_000_000,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "eu/fra/rack-7",
  tags: {}
})

const huge = Number.MAX_SAFE_INTEGER
const directory = Directory.make(hostOf("self"), {
  ownNamesMax: huge,
  ownBytesMax: huge,
  hostNamesMax: huge,
  hostBytesMax: huge,
  recordsMax: huge,
  recordsBytesMax: huge
})
const step = (input: Directory.Input) => Directory.step(directory, input, { now: 0 })

const versions = new Map<string, number>()

/** The next word of the host of a name. */
const recordOf = (at: number, isTombstone = false): NameRecords.NameRecord => {
  const host = idOf(at % hosts)
  const version = (versions.get(host) ?? 0) + 1
  versions.set(host, version)
  const { generation } = hostOf(host)
  return {
    host,
    generation,
    version,
    name: nameOf(at),
    ownership: "unique",
    contract: 2n ** 63n + BigInt(at % 50),
    isTombstone
  }
}

/** As they come in, so that nothing is shared that would not be. */
const wired = (records: ReadonlyArray<NameRecords.NameRecord>): ReadonlyArray<NameRecords.NameRecord> =>
  Result.getOrThrow(NameRecords.decode(NameRecords.encode(records))).records

const hear = (records: ReadonlyArray<NameRecords.NameRecord>) => step({ _tag: "Merge", records, via: "gossip" })

const alive = (host: number, status: "alive" | "dead") =>
  step({ _tag: "MemberChanged", id: idOf(host), status, host: hostOf(idOf(host)) })

process.stdout.write(`one directory of ${number(count)} names of 24 characters, of ${number(hosts)} hosts\n`)

const empty = heap()
for (let host = 0; host < hosts; host++) alive(host, "alive")
/** In no order of names: a host's names are all over the place, and hosts speak in turns. */
const order = Uint32Array.from({ length: count }, (_, at) => at)
for (let at = count - 1; at > 0; at--) {
  const other = pick(at + 1)
  const moved = order[at] ?? 0
  order[at] = order[other] ?? 0
  order[other] = moved
}
const pieces: Array<number> = []
for (let at = 0; at < count; at += 64) {
  const records = wired([...order.subarray(at, at + 64)].map((name) => recordOf(name)))
  pieces.push(...sample(1, () => hear(records)))
}
tell("heap", (heap() - empty - order.byteLength - pieces.length * 8) / count, "B/name", atMost(400))
tell("records merged while it fills, 64 in a message", 64_000 / median(pieces), "/s")
tell("the longest of these merges", Math.max(...pieces), "ms")

/** What there is to win: the same look-ups of a map. */
const plain = new Map(Array.from(order, (at) => [nameOf(at), at]))
const sought = Array.from({ length: 100_000 }, () => nameOf(pick(count)))
let found = 0
const lookUps = { resolve: 0, map: 0 }
for (let round = 0; round < 5; round++) {
  const times = 2 * sought.length
  lookUps.resolve += rate(times, (turn) => {
    found += Directory.resolve(directory, sought[turn % sought.length] ?? "").length
  })
  lookUps.map += rate(times, (turn) => {
    if (plain.has(sought[turn % sought.length] ?? "")) found += 1
  })
}
plain.clear()
if (found !== 20 * sought.length) throw new Error(`found ${found}`)
tell("resolve, of all names at random", lookUps.resolve / 5, "/s", atLeast(1_000_000))
tell("beside it, a Map of all names asked for the same", lookUps.map / 5, "/s")

const scan = (at: number): void => {
  const { length } = Directory.scan(directory, prefixOf(at))
  if (length !== group) throw new Error(`${length} names of ${prefixOf(at)}`)
}
const prefixes = count / group
const micros = (times: ReadonlyArray<number>, share = 0.5): number => percentile(times, share) * 1000
sample(2000, () => scan(pick(prefixes)))
const scans = sample(20_000, () => scan(pick(prefixes)))
tell("scan of a prefix with 100 names, median", micros(scans), "us", atMost(100))
tell("scan of a prefix with 100 names, 99 of 100", micros(scans, 0.99), "us")

/** A name goes, and comes back. */
const change = (at: number): void => {
  hear(wired([recordOf(at, true)]))
  hear(wired([recordOf(at)]))
}
const scanAfter = (changes: number, times: number): number =>
  micros(
    Array.from({ length: times }).flatMap(() => {
      const at = pick(prefixes)
      change(at * group + pick(group))
      for (let turn = 1; turn < changes; turn++) change(pick(count))
      return sample(1, () => scan(at))
    })
  )
tell("the same right after a name of it changed, median", scanAfter(1, 2000), "us", atMost(100))
tell("the same right after 10,000 names changed, median", scanAfter(10_000, 11), "us", atMost(100))

const words = (names: ReadonlyArray<number>) =>
  names.flatMap((at) => [wired([recordOf(at, true)]), wired([recordOf(at)])])
const single = words(Array.from({ length: 50_000 }, () => pick(count)))
tell(
  "records merged, one in a message",
  rate(single.length, (turn) => hear(single[turn] ?? [])),
  "/s"
)
const own = Array.from({ length: 100_000 }, (_, at) => `own-${pick(1e9)}.${at}`)
const claim = (turn: number) => step({ _tag: "Claim", name: own[turn] ?? "", ownership: "unique", contract: 1n })
tell("claims of the own host", rate(own.length, claim), "/s")
tell(
  "their releases",
  rate(own.length, (turn) => step({ _tag: "Release", name: own[turn] ?? "" })),
  "/s"
)

tell(`death of a host with ${number(count / hosts)} names`, median(sample(50, (host) => alive(host, "dead"))), "ms")
tell("its return", median(sample(50, (host) => alive(host, "alive"))), "ms")
tell("tick", median(sample(50, () => step({ _tag: "Tick" }))), "ms")
const digest = () => DirectoryDelta.digest(directory, true, random)
tell("digest", median(sample(50, digest)), "ms")
const behind = digest()
for (let host = 0; host < hosts; host++) hear([recordOf(host)])
tell(
  "delta for who lacks one record of each host",
  median(sample(20, () => DirectoryDelta.delta(directory, behind, random))),
  "ms"
)

/** Has watchers of these prefixes read while names go and come back, each of which makes so many events. */
const watched = Effect.fnUntraced(function* (
  prefixes: ReadonlyArray<string>,
  changed: ReadonlyArray<number>,
  eventsOf: number
) {
  const watchers = Watchers.make(directory.view)
  let heard = 0
  const settled = (count: number) =>
    Effect.whileLoop({ while: () => heard < count, body: () => Effect.yieldNow, step: () => undefined })
  const before = heap()
  const hearIt = Effect.sync(() => {
    heard += 1
  })
  for (const prefix of prefixes) yield* Effect.forkScoped(Stream.runForEach(watchers.watch(prefix), () => hearIt))
  yield* settled(prefixes.length)
  const bytes = (heap() - before) / prefixes.length
  const times: Array<number> = []
  heard = 0
  for (const [at, records] of words(changed).entries()) {
    const beganAt = performance.now()
    watchers.notify(hear(records))
    yield* settled((at + 1) * eventsOf)
    times.push(performance.now() - beganAt)
  }
  return { bytes, millis: median(times) }
}, Effect.scoped)

const watching = Effect.gen(function* () {
  const some = (times: number, max: number) => Array.from({ length: times }, () => pick(max))
  const alone = yield* watched([prefixOf(0)], some(2000, group), 1)
  tell("changes told to 1 watcher of 100 names", 1000 / alone.millis, "/s")
  const apart = yield* watched(
    Array.from({ length: 1000 }, (_, at) => prefixOf(at)),
    some(2000, 1000 * group),
    1
  )
  tell("the same, each to one of 1,000 watchers", 1000 / apart.millis, "/s")
  const many = prefixOf(0).slice(0, -3)
  const together = yield* watched(
    Array.from({ length: 1000 }, () => many),
    some(100, 100 * group),
    1000
  )
  tell("the same, each to all of 1,000 watchers of 10,000 names", 1000 / together.millis, "/s")
  tell("heap of such a watcher, its fiber included", together.bytes, "B")
})

/** What a watcher that does not read keeps. */
const lagging = (): void => {
  const names = Array.from({ length: 100_000 }, (_, at) => at)
  const pending = Pending.make()
  for (const at of names)
    for (const output of hear(wired([recordOf(at, true)])))
      if (output._tag === "Down") Pending.note(pending, Pending.keyOf(output), output)
  const { size } = pending.notes
  const before = heap()
  Pending.take(pending, size)
  tell("heap of a change that waits for its watcher", (before - heap()) / size, "B")
  const withdrawn = heap()
  for (const at of names) hear(wired([recordOf(at)]))
  if (size !== names.length || withdrawn === 0) throw new Error(`${size} notes`)
}

await Effect.runPromise(watching)
lagging()

const { json } = values
if (json !== undefined)
  writeFileSync(
    json,
    `${JSON.stringify({ bench: "names", node: process.version, names: count, hosts, rows }, null, 2)}
`
  )
