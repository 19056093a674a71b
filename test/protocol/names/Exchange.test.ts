import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { ghostsOf, isSettled, judge } from "../../../scripts/sim/membership/Oracle.ts"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as DirectoryDelta from "../../../src/protocol/names/DirectoryDelta.ts"
import * as Exchange from "../../../src/protocol/names/Exchange.ts"
import type { Host } from "../../../src/protocol/names/View.ts"
import * as Random from "../../../src/testing/Random.ts"

const hostOf = (index: number, generation: number): Host => ({
  id: `h${index}`,
  generation,
  address: `192.0.2.${index}`,
  flowPort: 7947,
  locality: "",
  tags: {}
})

interface Node {
  readonly host: Host
  readonly directory: Directory.Directory
  readonly exchange: Exchange.Exchange
  readonly held: Set<string>
  readonly dropped: Array<string>
  readonly met: Array<string>
}

type Flight =
  | { readonly _tag: "Message"; readonly to: number; readonly message: Exchange.Message; readonly rest: () => void }
  | { readonly _tag: "Sent"; readonly to: number; readonly peer: string; readonly node: Node }

/** Hosts with an exchange each, and what is under way between them; nothing moves but by a word of the test. */
interface World {
  readonly nodes: Array<Node>
  readonly flying: Array<Flight>
  readonly random: () => number
  /** Messages sent so far. */
  sent: number
  now: number
}

const meet = (node: Node, host: Host, status: Directory.Directory["own"]["member"]["status"] = "alive"): void => {
  Directory.step(node.directory, { _tag: "MemberChanged", id: host.id, status, host }, { now: 0 })
}

const start = (world: World, index: number, settings: Partial<Exchange.Settings> = {}): Node => {
  const host = hostOf(index, world.now + 100 - index)
  const directory = Directory.make(host)
  const exchange = Exchange.make(directory, world, settings)
  const node = { host, directory, exchange, held: new Set<string>(), dropped: [], met: [] }
  world.nodes[index] = node
  for (const other of world.nodes) meet(node, other.host)
  for (const other of world.nodes) if (other !== node) meet(other, host)
  return node
}

const make = (count: number, settings?: Partial<Exchange.Settings>): World => {
  const world: World = { nodes: [], flying: [], random: Random.make("exchange"), sent: 0, now: 1000 }
  for (let index = 0; index < count; index++) start(world, index, settings)
  return world
}

const indexOf = (id: string): number => Number(id.slice(1))

const run = (world: World, node: Node, input: Exchange.Input): void => {
  for (const output of Exchange.step(node.exchange, input, world)) {
    if (output._tag === "Dropped") node.dropped.push(output.reason)
    else if (output._tag === "Meet") node.met.push(output.host)
    else post(world, node, output.to, output.messages)
  }
}

/** Sends the first of the messages, and the others once it was taken. */
const post = (world: World, node: Node, peer: string, messages: ReadonlyArray<Exchange.Message>): void => {
  const [message, ...others] = messages
  if (message === undefined) {
    world.flying.push({ _tag: "Sent", to: indexOf(node.host.id), peer, node })
    return
  }
  world.sent += 1
  world.flying.push({ _tag: "Message", to: indexOf(peer), message, rest: () => post(world, node, peer, others) })
}

const land = (world: World, flight: Flight): void => {
  const node = world.nodes[flight.to]
  if (node === undefined) return
  if (flight._tag === "Sent")
    return node === flight.node ? run(world, node, { _tag: "Sent", to: flight.peer }) : undefined
  const before = node.directory.progress
  merge(world, node, Exchange.mergeOf(flight.message, "gossip"))
  for (const input of Exchange.inputsOf(flight.message, node.directory.progress > before)) run(world, node, input)
  flight.rest()
}

const merge = (world: World, node: Node, input: Directory.Input): ReadonlyArray<Directory.Output> => {
  const outputs = Directory.step(node.directory, input, world)
  for (const output of outputs) if (output._tag === "Lost") node.held.delete(output.name)
  return outputs
}

const claim = (world: World, node: Node, name: string, ownership: "unique" | "group" = "group"): void => {
  const outputs = merge(world, node, { _tag: "Claim", name, ownership, contract: 1n })
  if (outputs.every(({ _tag }) => _tag !== "Refused")) node.held.add(name)
}

/** Lets time pass: each exchange is woken when it asked for it, and all that is sent arrives in the same instant. */
const pass = (world: World, millis: number): void => {
  const until = world.now + millis
  while (true) {
    for (let flight = world.flying.shift(); flight !== undefined; flight = world.flying.shift()) land(world, flight)
    const next = Math.min(...world.nodes.map(({ exchange }) => Exchange.nextDeadline(exchange)))
    if (next > until) break
    world.now = Math.max(world.now, next)
    for (const node of world.nodes)
      if (Exchange.nextDeadline(node.exchange) <= world.now) run(world, node, { _tag: "Tick" })
  }
  world.now = until
}

const nodeAt = ({ nodes }: World, index: number): Node => nodes[index] ?? assert.fail(`no host ${index}`)

const digestOf = ({ directory }: Node, isAsking = true) => DirectoryDelta.digest(directory, isAsking, () => 0)

const sentTo = (outputs: ReadonlyArray<Exchange.Output>): ReadonlyArray<string> =>
  outputs.flatMap((output) => (output._tag === "Send" ? [output.to] : []))

describe("rounds", () => {
  it("come with growing pauses while nothing is found, and after the shortest once something is", () => {
    const world = make(2)
    const [a, b] = [nodeAt(world, 0), nodeAt(world, 1)]
    pass(world, 600_000)
    assert.isAtMost(world.sent, 2 * (6 + Math.ceil(600 / (0.75 * 60))))
    assert.isAtLeast(world.sent, 2 * Math.floor(600 / (1.25 * 60)))
    claim(world, a, "x")
    const before = world.now
    pass(world, 75_000)
    assert.isTrue(isSettled([a, b]))
    for (const { exchange } of [a, b]) assert.isAbove(exchange.roundAt, before)
    claim(world, b, "y")
    run(world, a, { _tag: "Digest", digest: digestOf(b) })
    assert.isAtMost(Exchange.nextDeadline(a.exchange) - a.exchange.roundAt, 1250)
  })

  it("come soon after more news than gossip carries in a moment, and not for less", () => {
    const world = make(2)
    const a = nodeAt(world, 0)
    pass(world, 600_000)
    const due = Exchange.nextDeadline(a.exchange)
    for (let i = 0; i < Exchange.settings.newsMax; i++) run(world, a, { _tag: "Gossiped" })
    assert.strictEqual(Exchange.nextDeadline(a.exchange), due)
    run(world, a, { _tag: "Gossiped" })
    assert.isAtMost(Exchange.nextDeadline(a.exchange), a.exchange.roundAt + 1250)
  })

  it("with many hosts are no more than their digests may take", () => {
    const world = make(1)
    const a = nodeAt(world, 0)
    for (let index = 1; index <= 4096; index++) meet(a, hostOf(index, 1))
    run(world, a, { _tag: "Delta", delta: { sender: "h1", ranges: [], hasMore: false }, isProgress: true })
    world.now = Exchange.nextDeadline(a.exchange)
    run(world, a, { _tag: "Tick" })
    run(world, a, { _tag: "Delta", delta: { sender: "h1", ranges: [], hasMore: false }, isProgress: true })
    assert.isAtLeast(Exchange.nextDeadline(a.exchange) - world.now, 0.75 * 40_000)
  })

  it("are not stirred for ever by a gap that nobody can close", () => {
    const world = make(2)
    const a = nodeAt(world, 0)
    const record = { host: "h1", generation: nodeAt(world, 1).host.generation, name: "x", contract: 1n }
    const forged = { ...record, version: 9, ownership: "group", isTombstone: false } as const
    merge(world, a, { _tag: "Merge", records: [forged], via: "gossip" })
    world.nodes.pop()
    pass(world, 600_000)
    assert.isAtLeast(a.exchange.pauseMillis, 60_000)
  })
})

describe("a host whose new life membership has missed", () => {
  const record = { host: "h1", name: "x", contract: 1n, version: 1, ownership: "group", isTombstone: false } as const

  it("is met once that has lasted from one round to the next, and no more when it is known", () => {
    const world = make(3)
    const [a, b] = [nodeAt(world, 0), nodeAt(world, 1)]
    const generation = b.host.generation + 1
    merge(world, a, { _tag: "Merge", records: [{ ...record, generation }], via: "gossip" })
    const round = () => {
      world.now = Exchange.nextDeadline(a.exchange)
      run(world, a, { _tag: "Tick" })
    }
    round()
    assert.deepStrictEqual(a.met, [])
    round()
    assert.deepStrictEqual(a.met, ["h1"])
    for (let i = 0; i < 100; i++) round()
    assert.strictEqual(a.met.length, 7, "ever more rarely")
    meet(a, { ...b.host, generation })
    round()
    round()
    assert.strictEqual(a.met.length, 7)
  })

  it("is not met while it is believed dead", () => {
    const world = make(3)
    const [a, b] = [nodeAt(world, 0), nodeAt(world, 1)]
    merge(world, a, { _tag: "Merge", records: [{ ...record, generation: b.host.generation + 1 }], via: "gossip" })
    meet(a, b.host, "dead")
    pass(world, 300_000)
    assert.deepStrictEqual(a.met, [])
  })
})

describe("R7: one who asks", () => {
  it("endlessly gets a bounded number of messages, each refusal is counted, and others get theirs", () => {
    const world = make(3)
    const [a, b, c] = [nodeAt(world, 0), nodeAt(world, 1), nodeAt(world, 2)]
    for (let i = 0; i < 100; i++) claim(world, a, `name-${i}`)
    const digest = { ...digestOf(b), hosts: [] }
    const { peerMessagesMax, peerMessagesPerSecond } = Exchange.settings
    let sent = 0
    const seconds = 120
    for (let i = 0; i < 50 * seconds; i++) {
      world.now += 20
      for (const output of Exchange.step(a.exchange, { _tag: "Digest", digest }, world)) {
        if (output._tag === "Dropped") a.dropped.push(output.reason)
        else if (output._tag === "Send") {
          sent += output.messages.length
          Exchange.step(a.exchange, { _tag: "Sent", to: output.to }, world)
        }
      }
    }
    assert.isAtMost(sent, peerMessagesMax + seconds * peerMessagesPerSecond + 1)
    assert.isAtLeast(sent, peerMessagesMax)
    assert.isAbove(a.dropped.filter((reason) => reason === "exchangeRate").length, 1000)
    assert.deepStrictEqual(sentTo(Exchange.step(a.exchange, { _tag: "Digest", digest: digestOf(c) }, world)), ["h2"])
  })

  it("too often waits, and is answered when its time has come", () => {
    const world = make(2, { peerMessagesMax: 1, peerMessagesPerSecond: 0.1 })
    const [a, b] = [nodeAt(world, 0), nodeAt(world, 1)]
    claim(world, a, "x")
    const input = { _tag: "Digest", digest: digestOf(b) } as const
    assert.deepStrictEqual(sentTo(Exchange.step(a.exchange, input, world)), ["h1"])
    Exchange.step(a.exchange, { _tag: "Sent", to: "h1" }, world)
    assert.deepStrictEqual(Exchange.step(a.exchange, input, world), [{ _tag: "Dropped", reason: "exchangeRate" }])
    a.exchange.nextAt = Number.POSITIVE_INFINITY
    world.now = Exchange.nextDeadline(a.exchange)
    assert.deepStrictEqual(sentTo(Exchange.step(a.exchange, { _tag: "Tick" }, world)), ["h1"])
    assert.isAtLeast(world.now, 1000 + 10_000)
  })

  it("while an answer is under way gets the next one after it, for its latest digest", () => {
    const world = make(3)
    const [a, b, c] = [nodeAt(world, 0), nodeAt(world, 1), nodeAt(world, 2)]
    claim(world, a, "x")
    const ask = (node: Node) => sentTo(Exchange.step(a.exchange, { _tag: "Digest", digest: digestOf(node) }, world))
    assert.deepStrictEqual(ask(b), ["h1"])
    assert.deepStrictEqual(ask(b), [])
    assert.deepStrictEqual(ask(c), ["h2"], "a slow peer holds up nobody else")
    merge(world, b, { _tag: "Merge", records: Directory.records(a.directory), via: "state" })
    Directory.step(b.directory, { _tag: "Tick" }, world)
    const ranges = [{ host: "h0", generation: a.host.generation, after: 0, until: 1 }]
    merge(world, b, { _tag: "Merge", records: [], via: "delta", ranges })
    assert.deepStrictEqual(ask(b), [])
    assert.deepStrictEqual(sentTo(Exchange.step(a.exchange, { _tag: "Sent", to: "h1" }, world)), [])
    assert.strictEqual(a.exchange.waiting.size, 0)
  })

  it("among too many is refused and counted, and only so many are answered at a time", () => {
    const world = make(1, { waitingMax: 4, sendingMax: 2 })
    const a = nodeAt(world, 0)
    claim(world, a, "x")
    for (let index = 1; index <= 10; index++) {
      meet(a, hostOf(index, 1))
      run(world, a, {
        _tag: "Digest",
        digest: { sender: `h${index}`, isAsking: true, first: "", until: "", hosts: [] }
      })
    }
    assert.strictEqual(a.exchange.sending.size, 2)
    assert.strictEqual(a.exchange.waiting.size, 4)
    assert.deepStrictEqual(a.dropped, new Array(4).fill("exchangeLimit"))
  })

  it("and is no live member gets nothing, and what it says of unknown hosts is not kept", () => {
    const world = make(2)
    const [a, b] = [nodeAt(world, 0), nodeAt(world, 1)]
    claim(world, a, "x")
    const stranger = { ...digestOf(b), sender: "h7" }
    assert.isEmpty(Exchange.step(a.exchange, { _tag: "Digest", digest: stranger }, world))
    meet(a, b.host, "dead")
    assert.isEmpty(Exchange.step(a.exchange, { _tag: "Digest", digest: digestOf(b) }, world))
    meet(a, b.host)
    run(world, a, { _tag: "Digest", digest: digestOf(b) })
    const hosts = Array.from({ length: 1000 }, (_, i) => ({
      host: `x${i}`,
      generation: 1,
      complete: 1,
      ahead: 0,
      mark: 0
    }))
    run(world, a, { _tag: "Digest", digest: { ...digestOf(b), hosts } })
    assert.deepStrictEqual(a.exchange.waiting.get("h1")?.hosts, [])
  })
})

const Op = Schema.Struct({
  do: Schema.Literals([
    "claim",
    "claim",
    "unique",
    "release",
    "gossip",
    "land",
    "land",
    "repeat",
    "lose",
    "wait",
    "restart"
  ]),
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  what: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 }))
})

const perform = (world: World, { at, do: what, what: draw }: typeof Op.Type): void => {
  const node = nodeAt(world, at)
  const name = `n${draw % 8}`
  const flight = draw % Math.max(1, world.flying.length)
  switch (what) {
    case "claim":
      return claim(world, node, name)
    case "unique":
      return claim(world, node, name, "unique")
    case "release":
      if (node.held.delete(name)) merge(world, node, { _tag: "Release", name })
      return
    case "gossip": {
      const records = Directory.records(nodeAt(world, draw % 4).directory)
      merge(world, node, { _tag: "Merge", records: records.slice(draw % Math.max(1, records.length)), via: "gossip" })
      return
    }
    case "land": {
      const [landing] = world.flying.splice(flight, 1)
      return landing && land(world, landing)
    }
    case "repeat": {
      const again = world.flying[flight]
      return again?._tag === "Message" ? land(world, { ...again, rest: () => {} }) : undefined
    }
    case "lose": {
      // A stream that breaks ends the whole answer.
      const [lost] = world.flying.splice(flight, 1)
      if (lost?._tag === "Sent") world.flying.push(lost)
      else for (const { exchange } of world.nodes) exchange.sending.clear()
      return
    }
    case "wait":
      world.now += 2 * draw
      return run(world, node, { _tag: "Tick" })
    case "restart":
      world.now += 1
      start(world, at)
  }
}

describe("any claims, lost, late and repeated messages, broken streams and restarts", () => {
  it.prop(
    "then two minutes of exchanges, give equal directories of what the living claim, and silence",
    [Schema.Array(Op).check(Schema.isMaxLength(150))],
    ([ops]) => {
      const world = make(4)
      for (const op of ops) {
        perform(world, op)
        for (const { directory } of world.nodes) assert.isEmpty(ghostsOf(directory, Directory.scan(directory, "")))
      }
      for (const { exchange } of world.nodes) exchange.sending.clear()
      pass(world, 120_000)
      assert.deepStrictEqual(judge(world.nodes), { lost: 0, ghosts: 0, unequal: 0 })
      assert.isTrue(isSettled(world.nodes))
      pass(world, 300_000)
      const before = world.sent
      pass(world, 300_000)
      assert.isAtMost(world.sent - before, 4 * Math.ceil(300 / (0.75 * 60)))
    },
    { arbitrary: { runs: 150, size: 120 } }
  )

  it("a large directory comes over, in as many messages as it takes", () => {
    const world = make(2)
    const a = nodeAt(world, 0)
    for (let i = 0; i < 4000; i++) claim(world, a, `name-${i}`)
    pass(world, 80_000)
    assert.isTrue(isSettled(world.nodes))
    assert.isAtLeast(world.sent, 4)
  })
})
