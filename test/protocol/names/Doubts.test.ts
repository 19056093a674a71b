import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as DirectoryDelta from "../../../src/protocol/names/DirectoryDelta.ts"
import * as Doubts from "../../../src/protocol/names/Doubts.ts"
import type { NameRecord } from "../../../src/protocol/names/NameRecords.ts"
import type { Host } from "../../../src/protocol/names/View.ts"
import * as Random from "../../../src/testing/Random.ts"

const hostOf = (id: string, generation: number): Host => ({
  ...{ id, generation, address: "192.0.2.1", flowPort: 7947, locality: "", tags: {} }
})

const claimed = (version: number, more: Partial<NameRecord> = {}): NameRecord => ({
  ...{ host: "b", generation: 20, version, name: "n", ownership: "unique", contract: 1n, isTombstone: false },
  ...more
})

const withdrawn = (version: number, name = "n"): NameRecord => claimed(version, { name, isTombstone: true })

const b = hostOf("b", 20)
const c = hostOf("c", 30)

/** A directory of host `a`, at which `b` claims "n" and "m" at time 0. */
const world = () => {
  const directory = Directory.make(hostOf("a", 10))
  let now = 0
  const step = (input: Directory.Input) => Directory.step(directory, input, { now })
  const world = {
    directory,
    step,
    member: (host: Host, status: "alive" | "dead" = "alive") =>
      step({ _tag: "MemberChanged", id: host.id, status, host }),
    hear: (...records: ReadonlyArray<NameRecord>) => step({ _tag: "Merge", records, via: "gossip" }),
    /** Time passes; a step is taken when one is due. */
    pass: (millis: number) => {
      now += millis
      return Directory.nextDeadline(directory) <= now ? step({ _tag: "Tick" }) : []
    },
    sees: () => Directory.scan(directory, "").map(({ contract, host, name }) => `${name}@${host.id}/${contract}`),
    /** Somebody withdraws "n" in the name of `b`, which answers; the versions up to the one given are used. */
    forge: (version: number) => {
      world.hear(withdrawn(version - 1))
      const seen = world.sees()
      now += 100
      world.hear(claimed(version))
      return seen
    }
  }
  world.member(b)
  world.hear(claimed(1), claimed(2, { name: "m" }))
  return world
}

const all = ["m@b/1", "n@b/1"]

/** The same, where `b` has been seen to contradict so often that it is disputed; 10 is the highest version. */
const disputed = () => {
  const made = world()
  for (let i = 1; i <= Doubts.contradictionsMin; i++) made.forge(10 - 2 * (Doubts.contradictionsMin - i))
  assert.deepStrictEqual(made.sees(), all)
  return made
}

const ups = (outputs: ReadonlyArray<Directory.Output>) =>
  outputs.flatMap((output) => (output._tag === "Up" || output._tag === "Down" ? [output._tag] : []))

describe("a host whose records nobody forges", () => {
  it("has a withdrawal shown at once, and a claim as well", () => {
    const { hear, sees } = world()
    hear(withdrawn(3))
    assert.deepStrictEqual(sees(), ["m@b/1"])
    hear(claimed(4))
    assert.deepStrictEqual(sees(), all)
    hear(withdrawn(5))
    assert.deepStrictEqual(sees(), ["m@b/1"], "a name may be exposed anew once")
  })

  it("is not disputed since names of it come and go", () => {
    const { hear, sees } = world()
    for (let version = 3; version < 40; version += 2) {
      hear(claimed(version, { name: `t${version}` }))
      hear(withdrawn(version + 1, `t${version}`))
      assert.deepStrictEqual(sees(), all)
    }
    hear(withdrawn(50))
    assert.deepStrictEqual(sees(), ["m@b/1"])
  })
})

describe("a host that contradicts", () => {
  it("has the next forgeries shown no more", () => {
    const { forge } = disputed()
    for (let version = 12; version < 40; version += 2) assert.deepStrictEqual(forge(version), all)
  })

  it("has a forged contract shown no more, nor a name that another host has", () => {
    const { hear, member, sees } = disputed()
    hear(claimed(11, { contract: 9n }))
    assert.deepStrictEqual(sees(), all)
    member(c)
    hear(claimed(1, { host: "c", generation: 30, name: "x" }))
    hear(claimed(12, { name: "x" }))
    assert.deepStrictEqual(sees(), [...all, "x@c/1"])
    hear(claimed(13, { name: "y" }))
    assert.deepStrictEqual(sees(), [...all, "x@c/1", "y@b/1"], "a name that nobody else has")
  })

  it("has a true withdrawal shown, late by so much", () => {
    const { directory, hear, pass, sees } = disputed()
    assert.strictEqual(Directory.nextDeadline(directory), Number.POSITIVE_INFINITY)
    hear(withdrawn(11))
    assert.deepStrictEqual(ups(pass(Doubts.doubtMillis - 1)), [])
    assert.deepStrictEqual(sees(), all)
    assert.deepStrictEqual(ups(pass(1)), ["Down"])
    assert.deepStrictEqual(sees(), ["m@b/1"])
    assert.strictEqual(Directory.nextDeadline(directory), Number.POSITIVE_INFINITY)
  })

  it("says so in time, though its word comes after a later forgery", () => {
    const { hear, pass, sees } = disputed()
    hear(withdrawn(11))
    for (let version = 13; version < 33; version += 2) {
      pass(Doubts.doubtMillis - 1)
      hear(withdrawn(version))
      hear(claimed(version - 1))
      assert.deepStrictEqual(sees(), all)
    }
    pass(Doubts.doubtMillis)
    assert.deepStrictEqual(sees(), ["m@b/1"])
  })

  it("is disputed no more after a minute without that", () => {
    const { hear, pass, sees } = disputed()
    pass(Doubts.disputedMillis)
    hear(withdrawn(11))
    assert.deepStrictEqual(sees(), ["m@b/1"])
  })

  it("has the names of its death, and of its next life, shown at once", () => {
    const { hear, member, pass, sees } = disputed()
    hear(withdrawn(11))
    member(b, "dead")
    assert.deepStrictEqual(sees(), [])
    member(b)
    assert.deepStrictEqual(sees(), all)
    member(hostOf("b", 21))
    assert.deepStrictEqual(sees(), [])
    hear(claimed(1, { generation: 21 }))
    assert.deepStrictEqual(sees(), ["n@b/1"])
    pass(Doubts.doubtMillis)
    assert.deepStrictEqual(sees(), ["n@b/1"])
  })

  it("has its records kept, told on and in the digest, as if there were no doubt", () => {
    const { directory, hear } = disputed()
    const told = hear(withdrawn(11)).filter(({ _tag }) => _tag === "Broadcast")
    assert.lengthOf(told, 1)
    const records = Directory.records(directory).filter(({ host }) => host === "b")
    assert.deepStrictEqual(records, [claimed(2, { name: "m" }), withdrawn(11)])
    const plain = world()
    plain.hear(withdrawn(11))
    const digestOf = (of: Directory.Directory) =>
      DirectoryDelta.digest(of, false, () => 0).hosts.map(({ host, mark }) => [host, mark])
    assert.deepStrictEqual(digestOf(directory), digestOf(plain.directory))
  })
})

describe("a host whose metadata is forged", () => {
  const forged = { ...b, flowPort: 9 }
  const ports = ({ directory }: ReturnType<typeof world>) =>
    Directory.scan(directory, "").map(({ host }) => host.flowPort)

  it("is shown as it was once it has contradicted, and its names with it", () => {
    const made = world()
    for (let i = 0; i < Doubts.contradictionsMin; i++) {
      made.member(forged)
      assert.deepStrictEqual(ports(made), [9, 9])
      made.member({ ...b })
      assert.deepStrictEqual(ports(made), [7947, 7947])
    }
    for (let i = 0; i < 20; i++) {
      assert.deepStrictEqual(ups(made.member(forged)), [])
      made.pass(Doubts.doubtMillis - 1)
      assert.deepStrictEqual(ups(made.member({ ...b })), [])
    }
    made.member(forged)
    made.hear(withdrawn(3))
    assert.deepStrictEqual(ports(made), [7947, 7947], "of one dispute both are held")
    made.pass(Doubts.doubtMillis)
    assert.deepStrictEqual(ports(made), [9])
  })
})

describe("doubts", () => {
  it("are bounded for each host: what finds no room is shown at once", () => {
    const { directory, hear, pass, sees } = disputed()
    const names = Array.from({ length: Doubts.heldMax + 10 }, (_, i) => `t${i}`)
    hear(...names.map((name, i) => claimed(100 + i, { name })))
    pass(Doubts.doubtMillis)
    hear(...names.map((name, i) => withdrawn(10_000 + i, name)))
    assert.strictEqual(directory.doubts.queue.size, Doubts.heldMax)
    assert.lengthOf(sees(), 2 + Doubts.heldMax)
    pass(Doubts.doubtMillis)
    assert.deepStrictEqual(sees(), all)
    assert.strictEqual(directory.doubts.queue.size, 0)
    pass(Doubts.disputedMillis)
    hear(...names.map((name, i) => claimed(20_000 + i, { name })))
    hear(...names.map((name, i) => withdrawn(30_000 + i, name)))
    assert.strictEqual(directory.doubts.queue.size, Doubts.changesMax)
  })

  it("are forgotten, and so are the hosts that they were about", () => {
    const { directory, hear, pass, step } = disputed()
    hear(withdrawn(11))
    pass(Doubts.doubtMillis)
    pass(Doubts.disputedMillis)
    step({ _tag: "Tick" })
    assert.strictEqual(directory.doubts.hosts.size, 0)
  })
})

/**
 * A forger that sends a host and its hearer something else of a name again and again; what they send, hear and answer takes
 * its time, comes in any order, and may come twice.
 */
const flood = (seed: string) => {
  const random = Random.make(seed)
  const upTo = (millis: number) => Math.floor(random() * millis)
  const [owner, hearer] = [Directory.make(b), Directory.make(hostOf("a", 10))]
  const flying: Array<{ readonly at: number; readonly to: Directory.Directory; readonly record: NameRecord }> = []
  const wrong: Array<number> = []
  let disputedAt: number | undefined
  let forged = 0
  let now = 0
  const step = (of: Directory.Directory, input: Directory.Input) => {
    for (const output of Directory.step(of, input, { now })) {
      if (output._tag !== "Broadcast" || of !== owner) continue
      for (let copies = random() < 0.3 ? 2 : 1; copies > 0; copies--)
        flying.push({ at: now + 1 + upTo(500), to: hearer, record: output.record })
    }
  }
  const shown = () => Directory.resolve(hearer, "n").map(({ contract }) => contract)
  const run = (until: number, look: () => void) => {
    for (; now < until; now += 10) {
      for (const it of flying.splice(0)) {
        if (it.at > now) flying.push(it)
        else step(it.to, { _tag: "Merge", records: [it.record], via: "gossip" })
      }
      if (Directory.nextDeadline(hearer) <= now) step(hearer, { _tag: "Tick" })
      look()
    }
  }
  step(hearer, { _tag: "MemberChanged", id: "b", status: "alive", host: b })
  step(owner, { _tag: "Claim", name: "n", ownership: "unique", contract: 1n })
  run(1_000, () => assert.isTrue(now < 600 || shown().length === 1))
  let next = now
  run(15_000, () => {
    if (now >= next) {
      next = now + 20 + upTo(300)
      forged = Math.max(forged, owner.own.claims.versionMax) + (random() < 0.5 ? 0 : 1)
      const record = random() < 0.7 ? withdrawn(forged) : claimed(forged, { contract: 9n })
      for (const to of [owner, hearer]) flying.push({ at: now + upTo(200), to, record })
    }
    if (Doubts.isDisputed(hearer.doubts, "b", now)) disputedAt ??= now
    if (shown().join() !== "1") wrong.push(now)
  })
  run(15_000 + 2 * Doubts.doubtMillis, () => undefined)
  const after = shown()
  step(owner, { _tag: "Release", name: "n" })
  run(now + Doubts.doubtMillis + 600, () => undefined)
  return { wrong, disputedAt, after, last: shown(), forged }
}

describe("a flood of forgeries", () => {
  it.prop("has no effect once its host is disputed, and none is left when it ends", [Schema.Int], ([seed]) => {
    const { after, disputedAt, last, wrong } = flood(`${seed}`)
    assert.isBelow(disputedAt ?? Number.POSITIVE_INFINITY, 5_000)
    // What was shown by then is taken back with the next word of either.
    assert.deepStrictEqual(
      wrong.filter((at) => at > (disputedAt ?? 0) + 1_000),
      []
    )
    assert.deepStrictEqual(after, [1n])
    assert.deepStrictEqual(last, [], "a true withdrawal")
  })
})
