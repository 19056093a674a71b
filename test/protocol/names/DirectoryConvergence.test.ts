import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import { claimantsOf } from "../../../src/protocol/names/DirectoryState.ts"
import { doubtMillis } from "../../../src/protocol/names/Doubts.ts"
import type { NameRecord } from "../../../src/protocol/names/NameRecords.ts"
import type { Entry, Host } from "../../../src/protocol/names/View.ts"

/** Hosts over a network that loses, repeats and reorders records; who lives is told apart from it, and may come late. */
interface Process {
  directory: Directory.Directory
  self: Host
  isAlive: boolean
  /** What the outputs of the directory add up to. */
  readonly folded: Map<string, Entry>
  /** The names that its holders believe to have. */
  readonly held: Set<string>
  /** Names lost, and to whom. */
  readonly lost: Array<string>
}

interface World {
  readonly processes: ReadonlyArray<Process>
  readonly flying: Array<{ readonly to: number; readonly records: ReadonlyArray<NameRecord> }>
  clock: number
}

const names = ["a", "b", "b.c", "d"]

const keyOf = ({ host, name }: Entry): string => `${name}@${host.id}`

const hostOf = (index: number, generation: number): Host => ({
  id: `h${index}`,
  generation,
  address: `192.0.2.${index}`,
  flowPort: 7947,
  locality: "",
  tags: {}
})

const start = (index: number, generation: number): Process => {
  const self = hostOf(index, generation)
  const lists = { folded: new Map(), held: new Set<string>(), lost: [] }
  return { directory: Directory.make(self), self, isAlive: true, ...lists }
}

const make = (count: number): World => ({
  processes: Array.from({ length: count }, (_, index) => start(index, 100 - index)),
  flying: [],
  clock: 1000
})

const fold = (process: Process, outputs: ReadonlyArray<Directory.Output>): void => {
  for (const output of outputs) {
    if (output._tag === "Up") process.folded.set(keyOf(output.entry), output.entry)
    if (output._tag === "Down") {
      assert.strictEqual(process.folded.get(keyOf(output.entry)), output.entry)
      process.folded.delete(keyOf(output.entry))
    }
    if (output._tag === "Lost") {
      assert.isTrue(process.held.delete(output.name), "a name is lost once, and only by its holder")
      process.lost.push(`${output.name} to ${output.winner}`)
    }
  }
  const scanned = Directory.scan(process.directory, "")
  assert.deepStrictEqual(
    [...process.folded.values()].sort((a, b) =>
      a.name === b.name ? (a.host.id < b.host.id ? -1 : 1) : a.name < b.name ? -1 : 1
    ),
    [...scanned]
  )
}

const step = (world: World, index: number, input: Directory.Input): void => {
  const process = world.processes[index]
  if (process === undefined || !process.isAlive) return
  const outputs = Directory.step(process.directory, input, { now: world.clock })
  if (input._tag === "Claim" && !outputs.some(({ _tag }) => _tag === "Refused")) process.held.add(input.name)
  if (input._tag === "Release") process.held.delete(input.name)
  fold(process, outputs)
  const records = outputs.flatMap((output) => (output._tag === "Broadcast" ? [output.record] : []))
  for (const record of records)
    for (let to = 0; to < world.processes.length; to++) if (to !== index) world.flying.push({ to, records: [record] })
}

/** Host `index` hears the truth about host `about`. */
const hear = (world: World, index: number, about: number): void => {
  const subject = world.processes[about]
  if (subject === undefined || index === about) return
  const { isAlive, self } = subject
  step(world, index, { _tag: "MemberChanged", id: self.id, status: isAlive ? "alive" : "dead", host: self })
}

const pushPull = (world: World, a: number, b: number): void => {
  const [there, back] = [world.processes[a], world.processes[b]]
  if (there === undefined || back === undefined || !there.isAlive || !back.isAlive) return
  const [ours, theirs] = [Directory.records(there.directory), Directory.records(back.directory)]
  step(world, b, { _tag: "Merge", records: ours, via: "state" })
  step(world, a, { _tag: "Merge", records: theirs, via: "state" })
}

/** A new life: everything of the old one is gone, and all that it had is another's now. */
const restart = (world: World, process: Process, index: number): void => {
  world.clock += 1
  const fresh = start(index, world.clock)
  process.directory = fresh.directory
  process.self = fresh.self
  process.isAlive = true
  process.folded.clear()
  process.held.clear()
}

const pairs = (world: World): ReadonlyArray<readonly [number, number]> =>
  world.processes.flatMap((_, a) => world.processes.flatMap((_, b) => (a < b ? [[a, b] as const] : [])))

/** Rounds of exchanges: the first settles conflicts, and what a host shows late may make others, whose end is shown late. */
const rounds = 4

/** What flies is lost; everybody hears who lives, and then exchanges with everybody, until nothing is in doubt. */
const converge = (world: World): void => {
  world.flying.length = 0
  for (const [a, b] of pairs(world)) {
    hear(world, a, b)
    hear(world, b, a)
  }
  for (let round = 0; round < rounds; round++) {
    for (const [a, b] of pairs(world)) pushPull(world, a, b)
    world.clock += doubtMillis
    for (let index = 0; index < world.processes.length; index++) step(world, index, { _tag: "Tick" })
  }
}

const Op = Schema.Struct({
  do: Schema.Literals([
    "claim",
    "group",
    "release",
    "deliver",
    "repeat",
    "lose",
    "hear",
    "pushPull",
    "crash",
    "wake",
    "restart"
  ]),
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  what: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 }))
})

const run = (world: World, { at, do: what, what: draw }: typeof Op.Type): void => {
  const name = names[draw % names.length] ?? "a"
  const other = draw % world.processes.length
  const flight = draw % Math.max(1, world.flying.length)
  const process = world.processes[at]
  if (process === undefined) return
  switch (what) {
    case "claim":
      step(world, at, { _tag: "Claim", name, ownership: "unique", contract: BigInt(draw) })
      break
    case "group":
      step(world, at, { _tag: "Claim", name, ownership: "group", contract: BigInt(draw) })
      break
    case "release":
      step(world, at, { _tag: "Release", name })
      break
    case "deliver":
    case "repeat": {
      const [message] = what === "deliver" ? world.flying.splice(flight, 1) : world.flying.slice(flight, flight + 1)
      if (message !== undefined) step(world, message.to, { _tag: "Merge", records: message.records, via: "gossip" })
      break
    }
    case "lose":
      world.flying.splice(flight, 1)
      break
    case "hear":
      hear(world, at, other)
      break
    case "pushPull":
      pushPull(world, at, other)
      break
    case "crash":
      process.isAlive = false
      break
    case "wake":
      process.isAlive = true
      break
    case "restart":
      restart(world, process, at)
      break
  }
}

const byKey = (a: NameRecord, b: NameRecord): number => (`${a.host}/${a.name}` < `${b.host}/${b.name}` ? -1 : 1)

const alive = (world: World): ReadonlyArray<Process> => world.processes.filter(({ isAlive }) => isAlive)

describe("any interleaving, loss, repetition, crash and restart", () => {
  it.prop(
    "then one full exchange, gives equal directories of what the living hold",
    [Schema.Array(Op).check(Schema.isMaxLength(120))],
    ([ops]) => {
      const world = make(4)
      for (const op of ops) run(world, op)
      converge(world)
      const living = alive(world)
      const [first] = living
      if (first === undefined) return
      const expected = living
        .flatMap(({ held, self }) => [...held].map((name) => `${name}@${self.id}#${self.generation}`))
        .sort()
      for (const { directory, held, self } of living) {
        const entries = Directory.scan(directory, "")
        assert.deepStrictEqual(entries.map((entry) => `${keyOf(entry)}#${entry.host.generation}`).sort(), expected)
        for (const name of names)
          assert.isAtMost(
            Directory.resolve(directory, name).filter(({ ownership }) => ownership === "unique").length,
            1
          )
        assert.deepStrictEqual([...directory.own.claims.live.keys()].sort(), [...held].sort(), self.id)
        for (const name of names)
          assert.sameMembers(
            [...claimantsOf(directory, name)],
            [...directory.hosts.values()].filter(({ claims }) => claims?.live.has(name))
          )
        assert.includeMembers(names, [...directory.claimants.keys()])
        const recordsOfLiving = (of: Directory.Directory) =>
          Directory.records(of)
            .filter(({ host }) => living.some((process) => process.self.id === host))
            .sort(byKey)
        assert.deepStrictEqual(recordsOfLiving(directory), recordsOfLiving(first.directory))
      }
    },
    { arbitrary: { runs: 400, size: 120 } }
  )

  it.prop(
    "records come out the same in whatever order, and however often, they come in",
    [
      Schema.Array(
        Schema.Struct({
          host: Schema.Literals(["h0", "h1", "h2"]),
          generation: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
          version: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
          name: Schema.Literals(["a", "b"]),
          ownership: Schema.Literals(["unique", "group"]),
          contract: Schema.Literals([1n, 2n]),
          isTombstone: Schema.Boolean
        })
      ),
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 })))
    ],
    ([records, draws]) => {
      const hear = (heard: ReadonlyArray<NameRecord>, membersFirst: boolean) => {
        const directory = Directory.make(hostOf(9, 1))
        const feed = (input: Directory.Input) => Directory.step(directory, input, { now: 0 })
        const tellMembers = () => {
          for (let index = 0; index < 3; index++)
            feed({ _tag: "MemberChanged", id: `h${index}`, status: "alive", host: hostOf(index, 2) })
        }
        if (membersFirst) tellMembers()
        for (const record of heard) feed({ _tag: "Merge", records: [record], via: "gossip" })
        if (!membersFirst) tellMembers()
        // What is shown late depends on the order.
        Directory.step(directory, { _tag: "Tick" }, { now: doubtMillis })
        return [Directory.records(directory).toSorted(byKey), Directory.scan(directory, "")]
      }
      const shuffled = records.map((record, index) => ({ record, rank: draws[index] ?? -index }))
      const repeated = shuffled.sort((a, b) => a.rank - b.rank).map(({ record }) => record)
      const again = draws.flatMap((draw) => records.slice(draw % 7, (draw % 7) + 2))
      assert.deepStrictEqual(hear([...repeated, ...again], false), hear(records, true))
    },
    { arbitrary: { runs: 300 } }
  )
})

describe("G19: a partition heals", () => {
  it.each([2, 3, 4])(
    "of %i claimants of one name the earliest life wins everywhere, and each loser is told once",
    (count) => {
      const world = make(count)
      for (let index = 0; index < count; index++)
        step(world, index, { _tag: "Claim", name: "a", ownership: "unique", contract: 1n })
      world.flying.length = 0
      for (const process of world.processes)
        assert.deepStrictEqual([...process.folded.keys()], [`a@${process.self.id}`])
      converge(world)
      const winner = `h${count - 1}`
      for (const { folded, lost, self } of world.processes) {
        assert.deepStrictEqual([...folded.keys()], [`a@${winner}`])
        assert.strictEqual(lost.length, self.id === winner ? 0 : 1)
      }
    }
  )
})
