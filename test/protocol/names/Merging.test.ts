/** Messages that are decoded and merged some records at a time. */
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as Exchange from "../../../src/protocol/names/Exchange.ts"
import * as Merging from "../../../src/protocol/names/Merging.ts"
import * as NameRecords from "../../../src/protocol/names/NameRecords.ts"
import type { Host } from "../../../src/protocol/names/View.ts"
import * as Random from "../../../src/testing/Random.ts"

const hostOf = (id: string): Host => ({
  id,
  generation: 20,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "",
  tags: {}
})

/** A directory that knows hosts b and c, and this many names of b. */
const make = (known: number, bounds: Partial<Directory.Limits>): Directory.Directory => {
  const directory = Directory.make(hostOf("a"), { relayMax: 20, deltaRelayMax: 5, ...bounds })
  for (const id of ["b", "c"])
    Directory.step(directory, { _tag: "MemberChanged", id, status: "alive", host: hostOf(id) }, { now: 0 })
  const records = Array.from({ length: known }, (_, i) => record("b", i + 1, `known-${i}`))
  Directory.step(directory, { _tag: "Merge", records, via: "state" }, { now: 0 })
  return directory
}

const record = (host: string, version: number, name: string): NameRecords.NameRecord => ({
  host,
  generation: 20,
  version,
  name,
  ownership: "group",
  contract: 1n,
  isTombstone: false
})

/** Takes a message in as a whole, or so many records at a time: what came of it. */
const merged = (directory: Directory.Directory, bytes: Uint8Array, via: "gossip" | "state", atATime: number) => {
  const reading = Result.getOrThrow(NameRecords.read(bytes))
  const { pieces: _, skipped, ...parts } = reading
  const merging = Merging.make()
  const outputs: Array<Directory.Output> = []
  const left: Array<string> = [...skipped]
  do {
    const some = NameRecords.readSome(reading, atATime)
    left.push(...some.skipped)
    const merge = Exchange.mergeOf({ ...parts, records: some.records }, via)
    const isPart = NameRecords.hasMore(reading)
    outputs.push(...Directory.step(directory, { ...merge, merging, isPart }, { now: 0 }))
  } while (NameRecords.hasMore(reading))
  // Watchers are told of each part as it comes, so that what they hear may differ on the way.
  return {
    dropped: outputs.flatMap((output) => (output._tag === "Dropped" ? [output.reason] : [])).sort(),
    told: outputs.filter(({ _tag }) => _tag === "Broadcast"),
    left: left.sort(),
    progress: directory.progress,
    names: Directory.scan(directory, "").map(({ host, name }) => `${name}@${host.id}`),
    hosts: [...directory.hosts.values()].map(({ claims, id }) => ({ id, complete: claims?.complete }))
  }
}

const Count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("a message that is merged in parts", () => {
  it.prop(
    "comes to the same as in one, with what is passed on, and of which hosts all is known",
    [Count(0, 1_000_000), Count(1, 12), Count(0, 30), Count(0, 60), Schema.Literals(["state", "delta", "gossip"])],
    ([seed, atATime, known, count, kind]) => {
      const random = Random.make(String(seed))
      const records = Array.from({ length: count }, (_, i) => {
        const host = random() < 0.5 ? "b" : random() < 0.9 ? "c" : ""
        return record(host, 1 + Math.floor(random() * 40), `name-${i % 17}`)
      })
      const ranges = ["b", "c"].map((host) => ({ host, generation: 20, after: 0, until: 40 }))
      const delta = { sender: "b", ranges, hasMore: false }
      const bytes = NameRecords.encode(records, kind === "delta" ? { delta } : {})
      const via = kind === "state" ? "state" : "gossip"
      // With so little room some are refused, of which not all is known then.
      const bounds = { hostNamesMax: 8 }
      assert.deepStrictEqual(
        merged(make(known, bounds), bytes, via, atATime),
        merged(make(known, bounds), bytes, via, NameRecords.recordsMax)
      )
    },
    { arbitrary: { runs: 300 } }
  )

  it("is decoded as far as was asked for, and no further", () => {
    const records = Array.from({ length: 1000 }, (_, i) => record("b", i + 1, `n${i}`))
    const reading = Result.getOrThrow(NameRecords.read(NameRecords.encode(records)))
    const sizes: Array<number> = []
    while (NameRecords.hasMore(reading)) sizes.push(NameRecords.readSome(reading, 256).records.length)
    assert.deepStrictEqual(sizes, [256, 256, 256, 232])
    assert.deepStrictEqual(NameRecords.readSome(reading, 256), { records: [], skipped: [] })
  })
})
