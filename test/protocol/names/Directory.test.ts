import { assert, describe, it } from "@effect/vitest"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import type { NameRecord } from "../../../src/protocol/names/NameRecords.ts"
import type { Host } from "../../../src/protocol/names/View.ts"
import * as View from "../../../src/protocol/names/View.ts"
import * as Random from "../../../src/testing/Random.ts"

const hostOf = (id: string, generation: number): Host => ({
  id,
  generation,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "",
  tags: {}
})

const record = (fields: Partial<NameRecord>): NameRecord => ({
  host: "b",
  generation: 20,
  version: 1,
  name: "n",
  ownership: "unique",
  contract: 1n,
  isTombstone: false,
  ...fields
})

/** A directory of host `id` with some steps taken at time 0. */
const at = (id: string, generation: number, bounds: Partial<Directory.Limits> = {}) => {
  const directory = Directory.make(hostOf(id, generation), bounds)
  let now = 0
  const step = (input: Directory.Input) => Directory.step(directory, input, { now })
  return {
    directory,
    claim: (name: string, ownership: "unique" | "group" = "unique") =>
      step({ _tag: "Claim", name, ownership, contract: 1n }),
    release: (name: string) => step({ _tag: "Release", name }),
    hear: (...records: ReadonlyArray<NameRecord>) => step({ _tag: "Merge", records, via: "gossip" }),
    pull: (...records: ReadonlyArray<NameRecord>) => step({ _tag: "Merge", records, via: "state" }),
    member: (host: Host, status: Extract<Directory.Input, { readonly _tag: "MemberChanged" }>["status"] = "alive") =>
      step({ _tag: "MemberChanged", id: host.id, status, host }),
    tick: (millis: number) => {
      now = millis
      return step({ _tag: "Tick" })
    },
    sees: (prefix = "") => Directory.scan(directory, prefix).map(({ host, name }) => `${name}@${host.id}`)
  }
}

const shortOf = (output: Directory.Output): string | undefined => {
  switch (output._tag) {
    case "Broadcast":
      return undefined
    case "Up":
      return `up ${output.entry.name}@${output.entry.host.id}`
    case "Down":
      return `down ${output.entry.name}@${output.entry.host.id} ${output.cause}`
    case "Lost":
      return `lost ${output.name} to ${output.winner}`
    case "Dropped":
      return `dropped ${output.reason}`
    case "OwnGenerationBehind":
      return `behind ${output.generation}`
    case "Refused": {
      const { refusal } = output
      const why = { Taken: "owner", Quota: "limit", Left: "_tag" } as const
      return `refused ${Object.entries(refusal).find(([key]) => key === why[refusal._tag])?.[1]}`
    }
  }
}

/** The outputs in short, broadcasts left out. */
const short = (outputs: ReadonlyArray<Directory.Output>): ReadonlyArray<string> =>
  outputs.map(shortOf).filter((line) => line !== undefined)

const broadcasts = (outputs: ReadonlyArray<Directory.Output>): ReadonlyArray<NameRecord> =>
  outputs.flatMap((output) => (output._tag === "Broadcast" ? [output.record] : []))

const b = hostOf("b", 20)
const c = hostOf("c", 30)

describe("own claims", () => {
  it("are visible at once, gossiped, and gone with their release", () => {
    const a = at("a", 10)
    const claimed = a.claim("x")
    assert.deepStrictEqual(short(claimed), ["up x@a"])
    assert.deepStrictEqual(broadcasts(claimed), [record({ host: "a", generation: 10, name: "x" })])
    const released = a.release("x")
    assert.deepStrictEqual(short(released), ["down x@a withdrawn"])
    assert.deepStrictEqual(broadcasts(released), [
      record({ host: "a", generation: 10, name: "x", version: 2, isTombstone: true })
    ])
    assert.isEmpty(a.release("x"))
    assert.deepStrictEqual(short(a.claim("x")), ["up x@a"])
    assert.deepStrictEqual(
      Directory.records(a.directory).map(({ version }) => version),
      [3]
    )
  })

  it("of a name claimed already, or visibly owned elsewhere, are refused", () => {
    const a = at("a", 10)
    a.claim("x")
    assert.deepStrictEqual(short(a.claim("x")), ["refused a"])
    assert.deepStrictEqual(short(a.claim("x", "group")), ["refused a"])
    a.member(b)
    a.hear(record({}))
    assert.deepStrictEqual(short(a.claim("n")), ["refused b"])
    a.member(b, "dead")
    assert.deepStrictEqual(short(a.claim("n")), ["up n@a"])
  })

  it("are refused past the quotas, and make room when withdrawn", () => {
    const a = at("a", 10, { ownNamesMax: 2 })
    a.claim("x")
    a.claim("y")
    assert.deepStrictEqual(short(a.claim("z")), ["refused 2"])
    a.release("x")
    assert.deepStrictEqual(short(a.claim("z")), ["up z@a"])
    assert.deepStrictEqual(short(at("a", 10, { ownBytesMax: 41 }).claim("x")), ["refused 41"])
  })

  it("are void and refused once this host has left", () => {
    const a = at("a", 10)
    a.claim("x")
    assert.deepStrictEqual(short(a.member(hostOf("a", 10), "left")), ["down x@a left"])
    assert.deepStrictEqual(short(a.claim("y")), ["refused Left"])
    assert.deepStrictEqual(Directory.hosts(a.directory), [])
  })

  it("show the address that the membership plane has given this host", () => {
    const a = at("a", 10)
    a.claim("x")
    assert.isEmpty(short(a.member(hostOf("a", 10))))
    assert.deepStrictEqual(short(a.member({ ...hostOf("a", 10), flowPort: 1 })), ["up x@a"])
    assert.strictEqual(Directory.resolve(a.directory, "x")[0]?.host.flowPort, 1)
  })
})

describe("visibility", () => {
  it("needs the member, alive or suspect, in the life that wrote the record", () => {
    const a = at("a", 10)
    assert.isEmpty(short(a.hear(record({}))))
    assert.deepStrictEqual(short(a.member(b)), ["up n@b"])
    assert.isEmpty(short(a.member(b, "suspect")))
    assert.deepStrictEqual(a.sees(), ["n@b"])
    assert.isEmpty(short(a.hear(record({ generation: 21, contract: 2n }))))
    assert.deepStrictEqual(a.sees(), ["n@b"])
    assert.deepStrictEqual(short(a.member(hostOf("b", 21))), ["down n@b restarted", "up n@b"])
    assert.strictEqual(Directory.resolve(a.directory, "n")[0]?.contract, 2n)
    assert.deepStrictEqual(short(a.member({ ...hostOf("b", 21), tags: { zone: "1" } })), ["up n@b"])
  })

  it("ends with another program in the host's place", () => {
    const a = at("a", 10)
    a.member(b)
    a.hear(record({}))
    const outputs = Directory.step(
      a.directory,
      { _tag: "MemberChanged", id: "b", status: "alive", host: undefined },
      { now: 0 }
    )
    assert.deepStrictEqual(short(outputs), ["down n@b restarted"])
    assert.deepStrictEqual(
      Directory.hosts(a.directory).map(({ id }) => id),
      ["a"]
    )
  })

  it("R5: names of a dead host come back with the same life of it", () => {
    const a = at("a", 10)
    a.member(b)
    a.hear(record({}))
    assert.deepStrictEqual(short(a.member(b, "dead")), ["down n@b dead"])
    assert.isEmpty(a.sees())
    assert.deepStrictEqual(short(a.member(b)), ["up n@b"])
  })

  it("law 8: of a dead host ends on the evidence against it, and for another cause on none", () => {
    const a = at("a", 10)
    const evidence = [{ accuser: "c", probesMissed: 3, accuserHealth: 0 }]
    const tell = (status: "suspect" | "dead" | "left") =>
      Directory.step(a.directory, { _tag: "MemberChanged", id: "b", status, host: b, evidence }, { now: 0 })
    const evidenceOf = (outputs: ReadonlyArray<Directory.Output>) =>
      outputs.flatMap((output) => (output._tag === "Down" ? [output.evidence] : []))
    a.member(b)
    a.hear(record({}))
    assert.isEmpty(tell("suspect"))
    assert.deepStrictEqual(evidenceOf(a.hear(record({ version: 2, isTombstone: true }))), [[]])
    a.hear(record({ version: 3 }))
    assert.deepStrictEqual(evidenceOf(tell("dead")), [evidence])
    a.member(b)
    assert.deepStrictEqual(evidenceOf(tell("left")), [[]])
    a.member(b)
    assert.deepStrictEqual(evidenceOf(a.member(b, "dead")), [[]])
  })

  it("R5: also after the membership plane has forgotten it for a while", () => {
    const a = at("a", 10, { orphanMillis: 1000 })
    a.member(b)
    a.hear(record({}))
    a.member(b, "dead")
    a.member(b, "forgotten")
    assert.isEmpty(Directory.records(a.directory))
    a.tick(999)
    assert.deepStrictEqual(short(a.member(b)), ["up n@b"])
    a.member(b, "dead")
    a.member(b, "forgotten")
    a.tick(1999)
    assert.isEmpty(short(a.member(b)))
  })

  it("R6: leaving frees the names without a word about them", () => {
    const a = at("a", 10)
    a.member(b)
    a.hear(record({}))
    assert.deepStrictEqual(short(a.member(b, "left")), ["down n@b left"])
    assert.isEmpty(Directory.records(a.directory))
  })

  it("P6: a restarted host voids its former life, whatever its records say of that later", () => {
    const a = at("a", 10)
    a.member(b)
    a.hear(record({}), record({ name: "m", version: 2 }))
    assert.deepStrictEqual(short(a.member(hostOf("b", 21))), ["down n@b restarted", "down m@b restarted"])
    assert.isEmpty(a.hear(record({ version: 9 })))
    assert.deepStrictEqual(short(a.hear(record({ generation: 21 }))), ["up n@b"])
    assert.isEmpty(a.hear(record({ version: 10, isTombstone: true })))
    assert.deepStrictEqual(a.sees(), ["n@b"])
  })
})

describe("unique names", () => {
  it("go to the earliest life, then to the lower host id; the loser is told once and withdraws", () => {
    const mine = at("b", 20)
    mine.claim("n")
    mine.member(hostOf("a", 20))
    const lost = mine.hear(record({ host: "a" }))
    assert.deepStrictEqual(short(lost), ["down n@b conflict", "up n@a", "lost n to a"])
    assert.deepStrictEqual(
      broadcasts(lost).filter(({ host }) => host === "b"),
      [record({ version: 2, isTombstone: true })]
    )
    mine.member(c)
    assert.isEmpty(short(mine.hear(record({ host: "c", generation: 30 }))))
    assert.deepStrictEqual(short(mine.member(hostOf("a", 20), "dead")), ["down n@a dead", "up n@c"])
    assert.isEmpty(short(mine.release("n")))
  })

  it("R4: of many claimants one is visible, in any order", () => {
    const claims = Array.from({ length: 1000 }, (_, index) =>
      record({ host: `h${index}`, generation: 500 - (index >> 1) })
    )
    for (const order of [claims, claims.toReversed()]) {
      const mine = at("z", 1000)
      for (const { generation, host } of claims) mine.member(hostOf(host, generation))
      for (const claim of order) mine.hear(claim)
      assert.deepStrictEqual(mine.sees(), ["n@h998"])
    }
  })

  it("do not compete with group claims, which stay visible beside the one unique owner", () => {
    const mine = at("z", 1000)
    for (const host of [b, c, hostOf("d", 40)]) mine.member(host)
    mine.hear(
      record({ ownership: "group" }),
      record({ host: "c", generation: 30 }),
      record({ host: "d", generation: 40 })
    )
    assert.deepStrictEqual(mine.sees(), ["n@b", "n@c"])
    assert.deepStrictEqual(short(mine.claim("n")), ["refused c"])
    assert.deepStrictEqual(short(mine.claim("n", "group")), ["up n@z"])
  })
})

describe("records", () => {
  it("R2: a claim that was withdrawn does not come back, in whatever order the words come", () => {
    const a = at("a", 10)
    a.member(b)
    a.hear(record({ version: 2, isTombstone: true }))
    assert.isEmpty(a.hear(record({ version: 1 })))
    assert.deepStrictEqual(short(a.hear(record({ version: 3 }))), ["up n@b"])
    assert.isEmpty(a.hear(record({ version: 2, isTombstone: true }), record({ version: 3 })))
  })

  it("R3: a version beyond the window is dropped and counted", () => {
    const a = at("a", 10, { versionJumpMax: 100 })
    a.member(b)
    assert.deepStrictEqual(short(a.hear(record({ version: 101 }))), ["dropped versionJump"])
    assert.deepStrictEqual(short(a.hear(record({ version: 100 }))), ["up n@b"])
    assert.deepStrictEqual(short(a.hear(record({ version: 201 }))), ["dropped versionJump"])
    assert.deepStrictEqual(short(a.hear(record({ generation: 21, version: 101 }))), ["dropped aside"])
    assert.deepStrictEqual(a.sees(), ["n@b"])
  })

  it("R4: a host with too many names is cut off, and the others are not", () => {
    const a = at("a", 10, { hostNamesMax: 2 })
    a.member(b)
    a.member(c)
    const flood = ["1", "2", "3", "4"].map((name, index) => record({ name, version: index + 1 }))
    assert.deepStrictEqual(
      short(a.hear(...flood)).filter((line) => line.startsWith("dropped")),
      ["dropped hostQuota", "dropped hostQuota"]
    )
    a.hear(record({ host: "c", generation: 30 }))
    assert.deepStrictEqual(a.sees(), ["1@b", "2@b", "n@c"])
    const narrow = at("a", 10, { hostBytesMax: 42 })
    narrow.member(b)
    assert.deepStrictEqual(short(narrow.hear(record({}), record({ name: "m", version: 2 }))), [
      "dropped hostQuota",
      "up n@b"
    ])
  })

  it("R4: a million names from one host take no more room than it has, and none of the others", () => {
    const a = at("a", 10)
    a.member(b)
    a.member(c)
    let refused = 0
    for (let version = 1; version <= 1_000_000; version += 1000) {
      const batch = Array.from({ length: 1000 }, (_, at) => record({ name: `n${version + at}`, version: version + at }))
      for (const output of a.hear(...batch)) if (output._tag === "Dropped") refused += 1
    }
    assert.strictEqual(refused, 1_000_000 - Directory.limits.hostNamesMax)
    assert.strictEqual(a.directory.foreignRecords, Directory.limits.hostNamesMax)
    assert.isAtMost(a.directory.foreignBytes, Directory.limits.hostBytesMax)
    assert.deepStrictEqual(short(a.hear(record({ host: "c", generation: 30, name: "x" }))), ["up x@c"])
    assert.deepStrictEqual(short(a.claim("own")), ["up own@a"])
  })

  it("R4: of a thousand that claim one name, each but the winner is told by one word of the winner", () => {
    const winner = hostOf("h0", 1)
    for (let index = 1; index < 1000; index++) {
      const loser = at(`h${index}`, 1 + index)
      loser.claim("n")
      loser.member(winner)
      const told = short(loser.hear(record({ host: "h0", generation: 1 })))
      assert.include(told, "lost n to h0")
      assert.deepStrictEqual(loser.sees(), ["n@h0"])
    }
  })

  it("R4: hosts that are members no more make way for those that are, and own claims need no room", () => {
    const a = at("a", 10, { recordsMax: 2 })
    for (const id of ["x", "y"]) {
      a.member(hostOf(id, 20))
      a.hear(record({ host: id }))
      a.member(hostOf(id, 20), "forgotten")
    }
    assert.deepStrictEqual(short(a.hear(record({ host: "x", name: "z", version: 2 }))), ["dropped recordLimit"])
    a.member(b)
    assert.deepStrictEqual(short(a.hear(record({}))), ["up n@b"])
    assert.deepStrictEqual(short(a.hear(record({ name: "m", version: 2 }))), ["up m@b"])
    assert.deepStrictEqual(short(a.hear(record({ name: "o", version: 3 }))), ["dropped recordLimit"])
    assert.deepStrictEqual(short(a.claim("x")), ["up x@a"])
    a.member(b, "left")
    a.member(b, "forgotten")
    a.member(c)
    assert.deepStrictEqual(short(a.hear(record({ host: "c", generation: 30 }))), ["up n@c"])
    assert.deepStrictEqual([a.directory.foreignRecords, a.directory.foreignBytes], [1, 42])
  })

  it("tombstones go after their time, and are not learned anew from those who still hold them", () => {
    const a = at("a", 10, { tombstoneMillis: 1000 })
    a.member(b)
    const tombstone = record({ version: 2, isTombstone: true })
    const latest = record({ version: 3, name: "l", isTombstone: true })
    a.hear(record({ version: 1 }), tombstone, latest)
    a.tick(999)
    assert.deepStrictEqual(Directory.records(a.directory), [tombstone, latest])
    a.tick(1000)
    assert.deepStrictEqual(Directory.records(a.directory), [latest], "the latest word stays")
    assert.isEmpty(a.pull(tombstone))
    assert.deepStrictEqual(Directory.records(a.directory), [latest])
    assert.strictEqual(a.directory.foreignRecords, 1)
    a.hear(record({ version: 4, name: "m", isTombstone: true }))
    a.tick(2000)
    assert.deepStrictEqual(
      Directory.records(a.directory).map(({ version }) => version),
      [4]
    )
  })

  it("tombstones are bounded in number, the latest stay", () => {
    const a = at("a", 10, { tombstonesMax: 8 })
    for (let index = 0; index < 100; index++) {
      a.claim(`n${index}`)
      a.release(`n${index}`)
      assert.isAtMost(Directory.records(a.directory).length, 11)
    }
    assert.include(
      Directory.records(a.directory).map(({ name }) => name),
      "n99"
    )
  })
})

describe("the single writer", () => {
  const own = (fields: Partial<NameRecord>) => record({ host: "a", generation: 10, ...fields })

  it("R1: what others say of this host has no effect here, is counted, and answered at a higher version", () => {
    const a = at("a", 10)
    a.claim("n")
    const forged = a.hear(own({ version: 7, isTombstone: true }))
    assert.deepStrictEqual(short(forged), ["dropped ownRecord"])
    assert.deepStrictEqual(broadcasts(forged), [own({ version: 8 })])
    const planted = a.pull(own({ name: "m", version: 3 }))
    assert.deepStrictEqual(short(planted), ["dropped ownRecord"])
    assert.deepStrictEqual(broadcasts(planted), [own({ name: "m", version: 9, isTombstone: true })])
    assert.deepStrictEqual(a.sees(), ["n@a"])
  })

  it("own words that come back are no news", () => {
    const a = at("a", 10, { tombstoneMillis: 1000 })
    const words = [...broadcasts(a.claim("n")), ...broadcasts(a.release("n"))]
    assert.isEmpty(a.pull(...words))
    a.tick(1000)
    assert.isEmpty(a.pull(...words.filter(({ isTombstone }) => isTombstone)))
    assert.isEmpty(a.pull(own({ generation: 9, version: 50 })))
  })

  it("a claim back from where its tombstone was forgotten is withdrawn again", () => {
    const a = at("a", 10, { tombstoneMillis: 1000 })
    const claimed = broadcasts(a.claim("n"))
    a.release("n")
    a.claim("m")
    a.tick(1000)
    assert.deepStrictEqual(broadcasts(a.pull(...claimed)), [own({ version: 4, isTombstone: true })])
  })

  it("answers no forgery beyond the window in the life that it has, and no flood of them", () => {
    const a = at("a", 10, { versionJumpMax: 100, tombstonesMax: 2 })
    for (const version of [101, Number.MAX_SAFE_INTEGER]) {
      const outputs = a.hear(own({ version }))
      assert.isEmpty(broadcasts(outputs))
      assert.deepStrictEqual(short(outputs), ["dropped ownRecord", "behind 10"])
    }
    const flood = Array.from({ length: 50 }, (_, index) => own({ name: `m${index}`, version: 5 }))
    assert.strictEqual(broadcasts(a.hear(...flood)).length, 2)
  })

  it("renewed, claims all its names in the later life, and answers for that one from then on", () => {
    const a = at("a", 10)
    a.claim("n")
    a.claim("m", "group")
    a.release("n")
    a.claim("x")
    const outputs = Directory.step(a.directory, { _tag: "Renew", generation: 12 }, { now: 0 })
    assert.deepStrictEqual(short(outputs), ["down m@a restarted", "up m@a", "down x@a restarted", "up x@a"])
    assert.deepStrictEqual(broadcasts(outputs), [
      record({ host: "a", generation: 12, version: 1, name: "m", ownership: "group" }),
      record({ host: "a", generation: 12, version: 2, name: "x" })
    ])
    assert.isEmpty(Directory.step(a.directory, { _tag: "Renew", generation: 12 }, { now: 0 }))
    assert.isEmpty(a.hear(own({ generation: 11, version: 9 })))
    assert.deepStrictEqual(short(a.member(hostOf("a", 10))), [])
    assert.strictEqual(Directory.resolve(a.directory, "x")[0]?.host.generation, 12)
    assert.deepStrictEqual(short(a.hear(own({ generation: 13 }))), ["dropped ownGeneration", "behind 13"])
  })

  it("is taken at its earlier word when nothing is known of its later life", () => {
    const a = at("a", 10)
    a.member(hostOf("b", 30))
    a.member(b)
    assert.deepStrictEqual(short(a.hear(record({}))), ["up n@b"])
  })

  it("reports a later life of this host once", () => {
    const a = at("a", 10)
    a.claim("n")
    assert.deepStrictEqual(short(a.hear(own({ generation: 11 }))), ["dropped ownGeneration", "behind 11"])
    assert.deepStrictEqual(short(a.hear(own({ generation: 11 }))), ["dropped ownGeneration"])
    assert.deepStrictEqual(short(a.hear(own({ generation: 12 }))), ["dropped ownGeneration", "behind 12"])
    assert.deepStrictEqual(a.sees(), ["n@a"])
  })
})

describe("what is passed on", () => {
  it("is news by gossip, once", () => {
    const a = at("a", 10)
    a.member(b)
    assert.deepStrictEqual(broadcasts(a.hear(record({}))), [record({})])
    assert.isEmpty(broadcasts(a.hear(record({}))))
  })

  it("is news from a push/pull, unless it is more than was known", () => {
    const many = ["1", "2", "3"].map((name, index) => record({ name, version: index + 1 }))
    const newcomer = at("a", 10)
    newcomer.claim("x")
    newcomer.member(b)
    assert.isEmpty(broadcasts(newcomer.pull(...many)))
    const settled = at("a", 10)
    settled.member(b)
    for (const name of ["x", "y", "z"]) settled.claim(name)
    assert.strictEqual(broadcasts(settled.pull(...many)).length, 3)
  })

  it("a push/pull gives everything of members that have not left", () => {
    const a = at("a", 10)
    a.claim("x")
    a.member(b)
    a.member(c)
    a.hear(record({}), record({ host: "c", generation: 30 }), record({ host: "d" }))
    a.member(b, "dead")
    a.member(c, "left")
    assert.deepStrictEqual(
      Directory.records(a.directory).map(({ host }) => host),
      ["a", "b"]
    )
  })
})

describe("look-ups", () => {
  it("scan goes by name, then by host id, within the prefix, through any changes", () => {
    const mine = at("m", 1000)
    const names = ["a.b", "a", "ab", "a.c", "b", "a-b"]
    for (const host of [c, b]) {
      mine.member(host)
      mine.hear(
        ...names.map((name, index) =>
          record({ host: host.id, generation: host.generation, name, ownership: "group", version: index + 1 })
        )
      )
    }
    const pairs = (list: ReadonlyArray<string>) => list.flatMap((name) => [`${name}@b`, `${name}@c`])
    assert.deepStrictEqual(mine.sees(), pairs([...names].sort()))
    assert.deepStrictEqual(mine.sees("a."), pairs(["a.b", "a.c"]))
    assert.deepStrictEqual(mine.sees("x"), [])
    mine.member(c, "dead")
    mine.hear(record({ name: "a.b", version: 9, isTombstone: true, ownership: "group" }))
    assert.deepStrictEqual(mine.sees("a."), ["a.c@b"])
    assert.deepStrictEqual(Directory.resolve(mine.directory, "a.b"), [])
    mine.member(c)
    assert.deepStrictEqual(mine.sees("a."), ["a.b@c", "a.c@b", "a.c@c"])
    assert.deepStrictEqual(
      Directory.hosts(mine.directory).map(({ id }) => id),
      ["b", "c", "m"]
    )
  })

  it("scan is right however many names moved since the last one", () => {
    const mine = at("m", 1000)
    const claimed = new Set<string>()
    const random = Random.make("scan")
    for (let round = 0; round < 60; round++) {
      const moves = round % 3 === 0 ? 40 : 5
      for (let move = 0; move < moves; move++) {
        const name = `n${Math.floor(random() * 200)}`
        if (claimed.delete(name)) mine.release(name)
        else if (claimed.add(name)) mine.claim(name)
      }
      assert.deepStrictEqual(
        Directory.scan(mine.directory, "n1").map(({ name }) => name),
        [...claimed].filter((name) => name.startsWith("n1")).sort()
      )
    }
  })

  it("an entry tells with which contracts it is compatible, for as long as the claim holds", () => {
    const mine = at("m", 1000)
    const claim = { _tag: "Claim", name: "x", ownership: "unique", contract: 5n, compatible: [1n, 2n] } as const
    const [said] = broadcasts(Directory.step(mine.directory, claim, { now: 0 }))
    assert.deepStrictEqual(said?.compatible, [1n, 2n])
    assert.deepStrictEqual(Directory.resolve(mine.directory, "x")[0]?.compatible, [1n, 2n])
    assert.isUndefined(broadcasts(mine.release("x"))[0]?.compatible)
    mine.member(b)
    mine.hear(record({ compatible: [1n] }))
    const [before] = Directory.resolve(mine.directory, "n")
    mine.hear(record({ version: 2, compatible: [1n] }))
    assert.strictEqual(Directory.resolve(mine.directory, "n")[0], before)
    assert.deepStrictEqual(short(mine.hear(record({ version: 3, compatible: [3n] }))), ["up n@b"])
    assert.deepStrictEqual(Directory.resolve(mine.directory, "n")[0]?.compatible, [3n])
    const many = { ...claim, name: "y", compatible: Array.from({ length: 17 }, (_, at) => BigInt(at)) }
    assert.deepStrictEqual(short(Directory.step(mine.directory, many, { now: 0 })), ["refused 16"])
  })

  it("an entry that says the same stays the same object", () => {
    const mine = at("m", 1000)
    mine.member(b)
    mine.hear(record({}))
    const before = Directory.resolve(mine.directory, "n")
    mine.hear(record({ version: 2 }))
    mine.member({ ...b }, "suspect")
    assert.strictEqual(Directory.resolve(mine.directory, "n")[0], before[0])
    assert.strictEqual(Directory.scan(mine.directory, "")[0], before[0])
    assert.deepStrictEqual(View.difference(before, before), { gone: [], come: [] })
  })
})
