/** Which life of a host is believed, whatever its records say: what a member that forges can do to the names of others. */
import { assert, describe, it } from "@effect/vitest"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as Exchange from "../../../src/protocol/names/Exchange.ts"
import * as Life from "../../../src/protocol/names/Life.ts"
import type { NameRecord } from "../../../src/protocol/names/NameRecords.ts"
import { next } from "../../../src/protocol/names/Renewal.ts"
import type { Host } from "../../../src/protocol/names/View.ts"
import * as Random from "../../../src/testing/Random.ts"

const now = Life.firstPlausible + 1e15
const hour = 3_600_000_000

const hostOf = (id: string, generation: number): Host => ({
  id,
  generation,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "",
  tags: {}
})

const record = (host: string, generation: number, fields: Partial<NameRecord> = {}): NameRecord => ({
  host,
  generation,
  version: 1,
  name: "n",
  ownership: "unique",
  contract: 1n,
  isTombstone: false,
  ...fields
})

const at = (id: string, generation: number, limits: Partial<Directory.Limits> = {}) => {
  const directory = Directory.make(hostOf(id, generation), limits)
  const clock = { now: 0, wall: now }
  const step = (input: Directory.Input) => Directory.step(directory, input, clock)
  return {
    directory,
    clock,
    step,
    claim: (name: string) => step({ _tag: "Claim", name, ownership: "unique", contract: 1n }),
    hear: (...records: ReadonlyArray<NameRecord>) => step({ _tag: "Merge", records, via: "gossip" }),
    member: (host: Host, status: "alive" | "dead" | "left" = "alive") =>
      step({ _tag: "MemberChanged", id: host.id, status, host }),
    sees: () => Directory.scan(directory, "").map(({ host, name }) => `${name}@${host.id}`)
  }
}

const reasons = (outputs: ReadonlyArray<Directory.Output>) =>
  outputs.flatMap((output) => (output._tag === "Dropped" ? [output.reason] : []))

const told = (outputs: ReadonlyArray<Directory.Output>) =>
  outputs.filter(({ _tag }) => _tag === "Down" || _tag === "Up" || _tag === "Lost").length

const b = hostOf("b", now)

describe("records of a life that no member shows", () => {
  it.each([
    ["the last that there can be", [Number.MAX_SAFE_INTEGER]],
    ["five of the near future", [1, 2, 3, 4, 5].map((more) => now + more)]
  ] as const)("take no name from anybody: %s", (_, generations) => {
    const a = at("a", now + 1)
    a.member(b)
    a.hear(record("b", now))
    for (const generation of generations)
      for (const isTombstone of [true, false])
        assert.strictEqual(told(a.hear(record("b", generation, { isTombstone, version: isTombstone ? 2 : 1 }))), 0)
    assert.deepStrictEqual(a.sees(), ["n@b"])
  })

  it("are no reason for their host to begin another life, once it is no longer young; nor to give up, ever", () => {
    const own = at("b", now)
    own.claim("n")
    own.clock.now = Life.youngMillis
    for (const generation of [now + 1, now + hour, Number.MAX_SAFE_INTEGER]) {
      const outputs = own.hear(record("b", generation))
      assert.deepStrictEqual(reasons(outputs), ["ownGeneration"])
      assert.isTrue(outputs.every(({ _tag }) => _tag === "Dropped"))
    }
    assert.isUndefined(next(own.directory))
  })

  it("have a young host begin its life after them, if such a life can be", () => {
    const own = at("b", now)
    own.claim("n")
    own.hear(record("b", now + 2 * Life.aheadMax), record("b", Number.MAX_SAFE_INTEGER))
    assert.isUndefined(next(own.directory))
    own.hear(record("b", now + hour))
    assert.strictEqual(next(own.directory), now + hour + 1)
  })

  it("hold once a member shows that life, and are passed on only then", () => {
    const a = at("a", now + 1)
    a.member(b)
    a.hear(record("b", now))
    assert.isEmpty(a.hear(record("b", now + hour, { name: "later" })))
    const outputs = a.member(hostOf("b", now + hour))
    assert.deepStrictEqual(a.sees(), ["later@b"])
    assert.strictEqual(outputs.filter(({ _tag }) => _tag === "Broadcast").length, 1)
  })

  it("are bounded: in all, for each host, in lives of one host, and in time", () => {
    const a = at("a", now, { asideRecordsMax: 40, asideLivesMax: 3, asideMillis: 1000 })
    for (let i = 0; i < 100; i++) a.hear(record("x", now, { name: `n${i}`, version: i + 1 }))
    assert.strictEqual(a.directory.aside.records, 10)
    for (let i = 0; i < 10; i++) a.hear(record("y", now + i))
    assert.strictEqual(a.directory.aside.records, 13)
    for (let i = 0; i < 1000; i++) a.hear(record(`fake-${i}`, now))
    assert.strictEqual(a.directory.aside.records, 40)
    assert.deepStrictEqual(reasons(a.hear(record("z", now))), ["aside"])
    assert.strictEqual(a.directory.foreignRecords, 0)
    assert.strictEqual(a.directory.hosts.size, 1)
    a.clock.now = 1000
    a.step({ _tag: "Tick" })
    assert.deepStrictEqual([a.directory.aside.records, a.directory.aside.hosts.size], [0, 0])
  })

  it("of strangers take no room from the names of members, and are given to nobody", () => {
    const a = at("a", now, { recordsMax: 3 })
    for (let i = 0; i < 1000; i++) assert.strictEqual(told(a.hear(record(`fake-${i}`, now, { name: `f${i}` }))), 0)
    a.member(b)
    for (let i = 1; i <= 3; i++) a.hear(record("b", now, { name: `n${i}`, version: i }))
    assert.deepStrictEqual(a.sees(), ["n1@b", "n2@b", "n3@b"])
    assert.strictEqual(Directory.records(a.directory).length, 3)
  })
})

describe("a word of membership that is none of its host", () => {
  it("hides the names of a healthy host only until that host has answered, however often", () => {
    const a = at("a", now + 1)
    a.member(b)
    for (let i = 1; i <= 100; i++) a.hear(record("b", now, { name: `n${i}`, version: i }))
    for (let round = 1; round <= 5; round++) {
      a.member(hostOf("b", now + round))
      assert.isEmpty(a.sees())
      a.member(b)
      assert.strictEqual(a.sees().length, 100, "without asking anybody")
    }
  })

  it("is not believed when no life can begin there", () => {
    const a = at("a", now + 1)
    a.member(b)
    a.hear(record("b", now))
    for (const generation of [now + Life.aheadMax + 1, Number.MAX_SAFE_INTEGER])
      assert.deepStrictEqual(reasons(a.member(hostOf("b", generation))), ["impossibleLife"])
    assert.deepStrictEqual(a.sees(), ["n@b"])
    assert.deepStrictEqual(reasons(a.member(hostOf("new", Number.MAX_SAFE_INTEGER))), ["impossibleLife"])
    assert.isEmpty(reasons(a.member(hostOf("week", now + Life.aheadMax))))
  })

  it("without a clock: hosts whose clocks say 1970, and one that has the time, take each other for what they are", () => {
    const [early, right] = [at("a", 1_000_000), at("b", now)]
    early.clock.wall = 61_000_000
    early.member(hostOf("c", 2_000_000))
    early.hear(record("c", 2_000_000))
    right.member(hostOf("a", 1_000_000))
    right.hear(record("a", 1_000_000))
    assert.deepStrictEqual(right.sees(), ["n@a"])
    assert.deepStrictEqual(early.sees(), ["n@c"])
  })
})

describe("a unique name", () => {
  it.each([1, 1000, Life.firstPlausible - 1])(
    "is not taken by a life that began before there were hosts, %i",
    (start) => {
      const owner = at("b", now)
      owner.claim("n")
      owner.member(hostOf("m", start))
      const outputs = owner.hear(record("m", start))
      assert.strictEqual(told(outputs), 0)
      assert.deepStrictEqual(owner.sees(), ["n@b"])
      const other = at("a", now + 1)
      for (const host of [b, hostOf("m", start)]) other.member(host)
      other.hear(record("m", start), record("b", now))
      assert.deepStrictEqual(other.sees(), ["n@b"])
    }
  )

  it("goes to the same of two lives for all: the order is total", () => {
    const random = Random.make("order")
    const lives = Array.from({ length: 60 }, (_, i) => ({
      id: `h${i}`,
      generation: (random() < 0.5 ? 0 : Life.firstPlausible) + Math.floor(random() * 10)
    }))
    const order = [...lives].sort((x, y) => (Life.precedes(x, y) ? -1 : 1))
    for (const [i, x] of order.entries())
      for (const [j, y] of order.entries()) assert.strictEqual(Life.precedes(x, y), i < j)
  })
})

describe("a tombstone beyond what its host can answer", () => {
  const jump = Directory.limits.versionJumpMax - 10

  /** The host `b` and one that was told three tombstones of its name, each as far ahead as one may be. */
  const outrun = () => {
    const [owner, victim] = [at("b", now), at("a", now + 1)]
    owner.member(hostOf("a", now + 1))
    owner.claim("n")
    victim.member(b)
    victim.hear(record("b", now))
    for (let step = 1; step <= 3; step++) victim.hear(record("b", now, { version: 1 + step * jump, isTombstone: true }))
    assert.isEmpty(victim.sees())
    return { owner, victim }
  }

  it("comes to the ear of its host, by digests", () => {
    const { owner, victim } = outrun()
    const env = { now: 0, random: Random.make("outrun") }
    const [mine, theirs] = [owner, victim].map(({ directory }) => Exchange.make(directory, env))
    if (mine === undefined || theirs === undefined) return assert.fail("no exchange")
    const state = Exchange.localState(theirs, env.random)
    owner.step(Exchange.mergeOf({ digest: state.digest ?? assert.fail(), records: [] }, "state"))
    const asked = Exchange.inputsOf(
      { digest: { ...(state.digest ?? assert.fail()), isAsking: true }, records: [] },
      false
    )
    const [answer] = asked.flatMap((input) => Exchange.step(mine, input, env))
    assert.strictEqual(answer?._tag, "Send", "it asks for what it never said")
    if (answer?._tag !== "Send") return
    const digest = answer.messages.find((message) => message.digest !== undefined)?.digest ?? assert.fail()
    const [given] = Exchange.step(theirs, { _tag: "Digest", digest }, env)
    if (given?._tag !== "Send") return assert.fail("nothing given")
    for (const message of given.messages) owner.step(Exchange.mergeOf(message, "gossip"))
    assert.strictEqual(next(owner.directory), now + 1)
  })

  it("has its host begin another life, in which the name is seen again", () => {
    const { owner, victim } = outrun()
    const [heard] = owner.hear(record("b", now, { version: 1 + 3 * jump, isTombstone: true })).slice(-1)
    assert.deepStrictEqual(heard, { _tag: "OwnGenerationBehind", generation: now, why: "outrun" })
    const generation = next(owner.directory) ?? assert.fail()
    const words = owner
      .step({ _tag: "Renew", generation })
      .flatMap((output) => (output._tag === "Broadcast" ? [output.record] : []))
    victim.hear(...words)
    victim.member(hostOf("b", generation))
    assert.deepStrictEqual(victim.sees(), ["n@b"])
    assert.deepStrictEqual(owner.sees(), ["n@b"])
  })

  it("brings no version to where numbers end", () => {
    const step = 2 ** 44
    const { directory, claim, hear } = at("b", now, { versionJumpMax: step })
    claim("n")
    const push = () => hear(record("b", now, { version: directory.own.claims.versionMax + step, isTombstone: true }))
    for (let i = 0; i < 1000; i++) push()
    assert.isAbove(directory.own.claims.versionMax, 2 ** 52 - 2 * step)
    assert.isAtMost(directory.own.claims.versionMax, 2 ** 52 + 1)
    assert.strictEqual(next(directory), now + 1)
  })
})
