import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Digest from "../../../src/protocol/names/Digest.ts"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as DirectoryDelta from "../../../src/protocol/names/DirectoryDelta.ts"
import * as NameRecords from "../../../src/protocol/names/NameRecords.ts"
import type { Host } from "../../../src/protocol/names/View.ts"
import * as Random from "../../../src/testing/Random.ts"

const hostOf = (index: number, generation = 100): Host => ({
  id: `h${index}`,
  generation,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "",
  tags: {}
})

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Directories of hosts h0, h1, .. that know each other. */
const fabric = (count: number, limits: Partial<Directory.Limits> = {}, generation = (_: number) => 100) => {
  const hosts = Array.from({ length: count }, (_, index) => hostOf(index, generation(index)))
  const all = hosts.map((host) => Directory.make(host, limits))
  for (const directory of all) for (const host of hosts) meet(directory, host)
  return all
}

const step = (directory: Directory.Directory, input: Directory.Input, now = 0): ReadonlyArray<NameRecords.NameRecord> =>
  Directory.step(directory, input, { now }).flatMap((output) => (output._tag === "Broadcast" ? [output.record] : []))

const meet = (directory: Directory.Directory, host: Host): void => {
  step(directory, { _tag: "MemberChanged", id: host.id, status: "alive", host })
}

const claim = (directory: Directory.Directory, name: string) =>
  step(directory, { _tag: "Claim", name, ownership: "group", contract: 7n })

const release = (directory: Directory.Directory, name: string) => step(directory, { _tag: "Release", name })

const hear = (directory: Directory.Directory, records: ReadonlyArray<NameRecords.NameRecord>) =>
  step(directory, { _tag: "Merge", records, via: "gossip" })

const random = Random.make("delta")

/** What goes from one directory to another that gave its digest, over the wire, until nothing is left or `lose` has it. */
const give = (
  from: Directory.Directory,
  to: Directory.Directory,
  limits: Partial<DirectoryDelta.Bounds> = {},
  lose: () => boolean = () => false
): number => {
  let sent = 0
  for (let hasMore = true; hasMore; ) {
    const before = to.progress
    const asked = NameRecords.encode([], { digest: DirectoryDelta.digest(to, false, random) })
    const { digest } = Result.getOrThrow(NameRecords.decode(asked))
    assert.isDefined(digest)
    const cut = DirectoryDelta.delta(from, digest, random, limits)
    for (const { ranges, records } of cut.pieces) {
      sent += records.length
      const bytes = NameRecords.encode(records, { delta: { sender: from.own.id, ranges, hasMore: cut.hasMore } })
      assert.isAtMost(bytes.length, (limits.pieceBytesMax ?? DirectoryDelta.bounds.pieceBytesMax) + 256)
      assert.isAtMost(records.length, limits.pieceRecordsMax ?? DirectoryDelta.bounds.pieceRecordsMax)
      if (lose()) continue
      const { delta, records: came } = Result.getOrThrow(NameRecords.decode(bytes))
      step(to, { _tag: "Merge", records: came, via: "delta", ranges: delta?.ranges ?? [] })
    }
    assert.isAtMost(cut.pieces.length, limits.piecesMax ?? DirectoryDelta.bounds.piecesMax)
    hasMore = cut.hasMore && to.progress > before
  }
  return sent
}

const exchange = (a: Directory.Directory, b: Directory.Directory): number => give(a, b) + give(b, a)

const completeOf = (directory: Directory.Directory, id: string): number =>
  directory.hosts.get(id)?.claims?.complete ?? 0

const sorted = (directory: Directory.Directory) =>
  Directory.records(directory).toSorted((a, b) => (`${a.host}/${a.name}` < `${b.host}/${b.name}` ? -1 : 1))

const pair = (limits: Partial<Directory.Limits> = {}) => {
  const [a, b] = fabric(2, limits)
  if (a === undefined || b === undefined) throw new Error("a pair is two")
  return { a, b }
}

describe("complete up to", () => {
  it("goes on with each version that comes next, and over those that came before their turn", () => {
    const { a, b } = pair()
    const words = ["x", "y", "z"].flatMap((name) => claim(a, name))
    const [first, second, third] = words
    if (first === undefined || second === undefined || third === undefined) return assert.fail("three claims")
    hear(b, [third])
    assert.strictEqual(completeOf(b, "h0"), 0)
    hear(b, [first])
    assert.strictEqual(completeOf(b, "h0"), 1)
    hear(b, [second])
    assert.strictEqual(completeOf(b, "h0"), 3)
    assert.strictEqual(exchange(a, b), 0)
  })

  it("counts a version whose successor came first", () => {
    const { a, b } = pair()
    const words = [...claim(a, "x"), ...release(a, "x"), ...claim(a, "x")]
    hear(b, words.toReversed())
    assert.strictEqual(completeOf(b, "h0"), 3)
  })

  it("is not led on by a range without records, nor by one above a gap", () => {
    const { a, b } = pair()
    for (let index = 0; index < 9; index++) claim(a, `n${index}`)
    const ranges = [{ host: "h0", generation: 100, after: 0, until: 2 ** 50 }]
    step(b, { _tag: "Merge", records: [], via: "delta", ranges })
    assert.strictEqual(completeOf(b, "h0"), 0)
    const records = Directory.records(a).filter(({ version }) => version > 5)
    step(b, { _tag: "Merge", records, via: "delta", ranges: [{ host: "h0", generation: 100, after: 5, until: 9 }] })
    assert.strictEqual(completeOf(b, "h0"), 0)
    exchange(a, b)
    assert.deepStrictEqual(sorted(b), sorted(a))
    assert.strictEqual(completeOf(b, "h0"), 9)
  })

  it("stays below what was refused, so that it is asked for again", () => {
    const { a, b } = pair({ hostNamesMax: 3 })
    for (let index = 0; index < 5; index++) claim(a, `n${index}`)
    assert.strictEqual(exchange(a, b), 5)
    assert.isBelow(completeOf(b, "h0"), 5)
    for (let index = 0; index < 3; index++) release(a, `n${index}`)
    exchange(a, b)
    exchange(a, b)
    assert.deepStrictEqual(
      Directory.scan(b, "").map(({ name }) => name),
      ["n3", "n4"]
    )
    assert.strictEqual(completeOf(b, "h0"), 8)
  })
})

describe("a delta", () => {
  it("comes in bounded pieces, and goes on where one was lost", () => {
    const { a, b } = pair()
    for (let index = 0; index < 4000; index++) claim(a, `name-${index}`)
    for (let index = 0; index < 4000; index += 10) release(a, `name-${index}`)
    let lost = 0
    give(a, b, { pieceRecordsMax: 100, pieceBytesMax: 4096, piecesMax: 5 }, () => random() < 0.3 && lost++ >= 0)
    assert.isAbove(lost, 3)
    const again = give(a, b)
    assert.isAbove(again, 0)
    assert.deepStrictEqual(sorted(b), sorted(a))
    assert.strictEqual(exchange(a, b), 0)
  })

  it("looks at a bounded number of records, whole hosts at a time, and goes on with the others", () => {
    const all = fabric(10)
    const [from, to] = all
    if (from === undefined || to === undefined) return assert.fail("ten hosts")
    const words = all.map((directory) => ["x", "y", "z"].flatMap((name) => claim(directory, name)))
    for (const said of words) hear(from, said)
    for (const said of words) hear(to, said.slice(0, 1))
    const digest = DirectoryDelta.digest(to, false, random)
    const hostsIn = ({ pieces }: DirectoryDelta.Pieces) =>
      new Set(pieces.flatMap(({ records }) => records.map(({ host }) => host))).size
    for (const [lookedAtMax, hosts] of [
      [1, 1],
      [3, 1],
      [4, 2],
      [25, 9],
      [28, 9]
    ] as const) {
      const cut = DirectoryDelta.delta(from, digest, random, { lookedAtMax })
      assert.deepStrictEqual([hostsIn(cut), cut.hasMore], [hosts, lookedAtMax < 28])
    }
    assert.strictEqual(give(from, to, { lookedAtMax: 4 }), 18)
    assert.deepStrictEqual(sorted(to), sorted(from))
  })

  it("says nothing of a life that is over, nor of those who left or are no members", () => {
    const [a, b, c] = fabric(3)
    if (a === undefined || b === undefined || c === undefined) return
    claim(c, "old")
    exchange(c, a)
    meet(a, hostOf(2, 200))
    assert.strictEqual(exchange(a, b), 0)
    assert.strictEqual(exchange(c, a), 1)
    assert.isEmpty(Directory.scan(a, ""))
    const stranger = Directory.make(hostOf(9))
    claim(stranger, "strange")
    hear(a, Directory.records(stranger))
    assert.strictEqual(exchange(a, b), 0)
    exchange(c, b)
    step(b, { _tag: "MemberChanged", id: "h2", status: "left", host: hostOf(2) })
    assert.strictEqual(give(b, Directory.make(hostOf(5))), 0)
  })

  it("R1: brings out a forgery that made two directories differ at the same version, and it is withdrawn", () => {
    const { a, b } = pair()
    const [word] = claim(a, "x")
    if (word === undefined) return
    hear(b, [{ ...word, name: "forged" }])
    assert.strictEqual(completeOf(b, "h0"), 1)
    exchange(a, b)
    exchange(a, b)
    for (const directory of [a, b])
      assert.deepStrictEqual(
        Directory.scan(directory, "").map(({ name }) => name),
        ["x"]
      )
    assert.strictEqual(exchange(a, b), 0)
  })

  it("P6: a claim whose withdrawal was missed for longer than tombstones last is withdrawn again", () => {
    const { a, b } = pair({ tombstoneMillis: 1000 })
    claim(a, "x")
    exchange(a, b)
    release(a, "x")
    claim(a, "y")
    release(a, "y")
    step(a, { _tag: "Tick" }, 5000)
    assert.strictEqual(Directory.records(a).length, 1)
    for (let round = 0; round < 3; round++) exchange(a, b)
    assert.isEmpty(Directory.scan(b, ""))
    assert.deepStrictEqual(sorted(b), sorted(a))
    assert.strictEqual(exchange(a, b), 0)
  })
})

describe("R7: a digest", () => {
  it("of 100,000 hosts that do not exist is refused, and a large one is answered by nothing", () => {
    const { a, b } = pair()
    const invented = (count: number): Digest.Digest => ({
      ...DirectoryDelta.digest(b, true, random),
      hosts: Array.from({ length: count }, (_, index) => {
        return { host: `fake-${index}`, generation: 1, complete: 5, ahead: 0, mark: index }
      })
    })
    const refused = Result.getOrThrow(NameRecords.decode(NameRecords.encode([], { digest: invented(100_000) })))
    assert.deepStrictEqual([refused.digest, refused.skipped], [undefined, ["digest"]])
    const large = Result.getOrThrow(NameRecords.decode(NameRecords.encode([], { digest: invented(Digest.hostsMax) })))
    assert.isDefined(large.digest)
    assert.isFalse(DirectoryDelta.lacks(a, large.digest))
    assert.isEmpty(DirectoryDelta.delta(a, large.digest, random).pieces)
    assert.strictEqual(a.hosts.size, 2)
  })

  it("is read as far as there are hosts, the first time that it names each", () => {
    const entry = (host: string, complete: number) => ({ host, generation: 1, complete, ahead: 0, mark: 0 })
    const invented = Array.from({ length: Digest.hostsMax - 4 }, (_, index) => entry(`fake-${index}`, 1))
    const hosts = [entry("h1", 5), ...invented, entry("h0", 6), entry("h1", 7), entry("h0", 8)]
    const bytes = NameRecords.encode([], { digest: { sender: "h1", isAsking: true, first: "", until: "", hosts } })
    const { digest, skipped } = Result.getOrThrow(NameRecords.read(bytes, (host) => host === "h0" || host === "h1"))
    assert.deepStrictEqual(digest?.hosts, [entry("h1", 5), entry("h0", 6)])
    assert.isEmpty(skipped)
  })

  it("of a member with the highest counters there are does no harm", () => {
    const { a } = pair()
    claim(a, "x")
    const highest = { generation: 100, complete: Number.MAX_SAFE_INTEGER, ahead: Number.MAX_SAFE_INTEGER, mark: 0 }
    const digest = { sender: "h1", isAsking: true, first: "", until: "", hosts: [{ host: "h0", ...highest }] }
    assert.isTrue(DirectoryDelta.lacks(a, digest))
    assert.isEmpty(DirectoryDelta.delta(a, digest, random).pieces)
  })

  it("of more hosts than it holds is of a run of them, and in time of all", () => {
    const all = fabric(20)
    const [a, b] = all
    if (a === undefined || b === undefined) return
    for (const directory of all) claim(directory, `of-${directory.own.id}`)
    for (const directory of all) exchange(directory, a)
    const seen = new Set<string>()
    for (let round = 0; round < 100; round++) {
      const digest = DirectoryDelta.digest(a, false, random, { digestHostsMax: 4 })
      assert.isAtMost(digest.hosts.length, 4)
      assert.isAbove(digest.hosts.length, 0)
      for (const { host } of digest.hosts) {
        assert.isTrue(host >= digest.first && (digest.until === "" || host < digest.until))
        seen.add(host)
      }
      assert.isEmpty(DirectoryDelta.delta(a, digest, random).pieces)
    }
    assert.strictEqual(seen.size, 20)
  })

  it("of 1,000 hosts takes little", () => {
    const [a, ...others] = fabric(2)
    if (a === undefined) return
    for (let index = 1; index <= 1000; index++) {
      const host = { ...hostOf(index), id: `host-${index}.rack-7`, generation: 1_700_000_000_000_000 }
      const directory = Directory.make(host)
      for (let name = 0; name < 3; name++) claim(directory, `name-${name}`)
      meet(a, host)
      hear(a, Directory.records(directory))
    }
    const bytes = NameRecords.encode([], { digest: DirectoryDelta.digest(a, false, random) }).length
    console.log(`digest of 1,000 hosts: ${bytes} bytes`)
    assert.isBelow(bytes, 48 * 1024)
    assert.isNotEmpty(others)
  })
})

describe("golden vectors", () => {
  const range = { host: "h1", generation: 1_700_000_000_000_000, after: 3, until: 7 }

  it("a digest, v1", () => {
    const hosts = [{ host: "h1", generation: 1_700_000_000_000_000, complete: 7, ahead: 2, mark: 0x12345678 }]
    const digest = { sender: "h0", isAsking: true, first: "a", until: "m", hosts }
    const bytes = NameRecords.encode([], { digest })
    assert.strictEqual(hex(bytes), "6712240a02683010011a016122016d2a160a026831108080f9c0c1c48203180720022d78563412")
    assert.deepStrictEqual(NameRecords.decode(bytes), Result.succeed({ records: [], skipped: [], digest }))
  })

  it("a delta, v1", () => {
    const delta = { sender: "h0", ranges: [range], hasMore: true }
    const bytes = NameRecords.encode([], { delta })
    assert.strictEqual(hex(bytes), "671a190a02683012110a026831108080f9c0c1c48203180320071801")
    assert.deepStrictEqual(NameRecords.decode(bytes), Result.succeed({ records: [], skipped: [], delta }))
  })

  it("the mark of a directory, v1", () => {
    const { a } = pair()
    claim(a, "x")
    claim(a, "y")
    assert.deepStrictEqual(
      DirectoryDelta.digest(a, false, random).hosts.map(({ mark }) => mark.toString(16)),
      ["c91781aa"]
    )
  })

  it("are read in whatever bytes come", () => {
    const delta = NameRecords.encode([], { delta: { sender: "h0", ranges: [range, range], hasMore: true } })
    for (let at = 1; at < delta.length; at++)
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        const spoilt = delta.slice()
        spoilt[at] = byte
        NameRecords.decode(spoilt)
        NameRecords.decode(spoilt.subarray(0, at))
      }
  })
})

const Op = Schema.Struct({
  do: Schema.Literals(["claim", "claim", "release", "gossip", "give", "give some", "restart", "tick"]),
  at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  to: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  what: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999 }))
})

describe("any claims, lost and late gossip, cut exchanges, restarts and expiry", () => {
  it.prop(
    "then exchanges of digests, give equal directories of what the living claim, and silence",
    [Schema.Array(Op).check(Schema.isMaxLength(150))],
    ([ops]) => {
      const world = fabric(4, { tombstoneMillis: 50 })
      const flying: Array<NameRecords.NameRecord> = []
      let now = 0
      for (const op of ops) {
        now += 10
        const [from, to] = [world[op.at], world[op.to]]
        if (from === undefined || to === undefined) continue
        const name = `n${op.what % 12}`
        if (op.do === "claim") flying.push(...claim(from, name))
        if (op.do === "release") flying.push(...release(from, name))
        if (op.do === "gossip") step(to, { _tag: "Merge", records: flying.slice(op.what % 7), via: "gossip" }, now)
        if (op.do === "give") give(from, to)
        if (op.do === "give some") give(from, to, { pieceRecordsMax: 2, piecesMax: 2 }, () => random() < 0.5)
        if (op.do === "tick") step(from, { _tag: "Tick" }, now)
        if (op.do === "restart") {
          const host = hostOf(op.at, 101 + now)
          const fresh = Directory.make(host, from.limits)
          for (const other of world) meet(fresh, other === from ? host : other.own.member.host)
          world[op.at] = fresh
        }
      }
      for (const a of world) for (const b of world) meet(a, b.own.member.host)
      for (let round = 0; round < 4; round++)
        for (const a of world)
          for (const b of world) {
            if (a === b) continue
            give(a, b)
            for (const name of a.own.claims.live.keys())
              assert.isTrue(
                Directory.resolve(b, name).some(({ host }) => host.id === a.own.id),
                "nothing that a live host claims is missing after one exchange with it"
              )
          }
      const claimed = world.flatMap(({ own }) =>
        [...own.claims.live.keys()].map((name) => `${name}@${own.id}#${own.claims.generation}`)
      )
      for (const directory of world) {
        const seen = Directory.scan(directory, "").map(({ host, name }) => `${name}@${host.id}#${host.generation}`)
        assert.deepStrictEqual(seen.toSorted(), claimed.toSorted())
        for (const { generation, host } of Directory.records(directory))
          assert.strictEqual(generation, world[Number(host.slice(1))]?.own.claims.generation)
        for (const other of world)
          if (other !== directory) {
            assert.strictEqual(give(directory, other), 0)
            assert.isFalse(DirectoryDelta.lacks(other, DirectoryDelta.digest(directory, true, random)))
          }
      }
    },
    { arbitrary: { runs: 80, size: 120 } }
  )
})
