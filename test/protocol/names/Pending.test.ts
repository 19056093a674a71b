import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as Pending from "../../../src/protocol/names/Pending.ts"
import type { Entry, Host } from "../../../src/protocol/names/View.ts"

const hostOf = (id: string, generation: number): Host => ({
  id,
  generation,
  address: "192.0.2.1",
  flowPort: 7947,
  locality: "",
  tags: {}
})

const ids = ["a", "b", "c"]

/** A reader of all changes: what it was shown, and what it has yet to be told. */
const makeReader = () => {
  const pending = Pending.make()
  const shown = new Map<string, Entry>()
  const keyOf = ({ host, name }: Entry): string => `${name}/${host.id}`
  const tell = (change: Pending.Change): void => {
    const key = keyOf(change.entry)
    if (change._tag === "Up") {
      assert.notDeepEqual(shown.get(key), change.entry, "an entry that says what was shown is not told")
      shown.set(key, change.entry)
    } else {
      assert.deepStrictEqual(shown.get(key), change.entry, "down is what was up")
      shown.delete(key)
    }
    const owners = [...shown.values()].filter(
      ({ name, ownership }) => name === change.entry.name && ownership === "unique"
    )
    assert.isAtMost(owners.length, 1, "a unique name has one owner at any time")
  }
  return {
    pending,
    hear: (outputs: ReadonlyArray<Directory.Output>) => {
      for (const output of outputs)
        if (output._tag === "Up" || output._tag === "Down") Pending.note(pending, Pending.keyOf(output), output)
    },
    read: (countMax: number) => Pending.take(pending, countMax).forEach(tell),
    scan: () =>
      [...shown.values()].sort((a, b) =>
        a.name === b.name ? (a.host.id < b.host.id ? -1 : 1) : a.name < b.name ? -1 : 1
      ),
    shown
  }
}

const Op = Schema.Struct({
  do: Schema.Literals(["claim", "withdraw", "own", "release", "die", "live", "leave", "restart", "read"]),
  host: Schema.Literals(ids),
  name: Schema.Literals(["x", "y"]),
  ownership: Schema.Literals(["unique", "group"]),
  count: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 }))
})

const entryOf = (id: string, ownership: "unique" | "group"): Entry => ({
  name: "x",
  ownership,
  contract: 1n,
  host: hostOf(id, 1)
})

describe("what a reader has yet to be told", () => {
  it.prop(
    "adds up to what is visible, whenever and however little it reads, in no more notes than entries",
    [Schema.Array(Op).check(Schema.isMaxLength(80))],
    ([ops]) => {
      const directory = Directory.make(hostOf("m", 1000))
      const readers = [makeReader(), makeReader(), makeReader()]
      const [fast, slow] = readers
      const lives = new Map(ids.map((id) => [id, 1]))
      let version = 0
      const step = (input: Directory.Input): void => {
        const outputs = Directory.step(directory, input, { now: 0 })
        for (const { hear } of readers) hear(outputs)
      }
      const member = (host: string, status: "alive" | "dead" | "left"): void =>
        step({ _tag: "MemberChanged", id: host, status, host: hostOf(host, lives.get(host) ?? 1) })
      const say = ({ host, name, ownership }: typeof Op.Type, isTombstone: boolean): void => {
        version += 1
        const record = { host, generation: lives.get(host) ?? 1, version, name, contract: 1n, isTombstone, ownership }
        step({ _tag: "Merge", via: "gossip", records: [record] })
      }
      for (const op of ops) {
        const { count, do: what, host, name, ownership } = op
        if (what === "claim") say(op, false)
        if (what === "withdraw") say(op, true)
        if (what === "own") step({ _tag: "Claim", name, ownership, contract: 2n })
        if (what === "release") step({ _tag: "Release", name })
        if (what === "die") member(host, "dead")
        if (what === "live") member(host, "alive")
        if (what === "leave") member(host, "left")
        if (what === "restart") {
          lives.set(host, (lives.get(host) ?? 1) + 1)
          member(host, "alive")
        }
        if (what === "read") slow?.read(count)
        fast?.read(Number.POSITIVE_INFINITY)
        const visible = Directory.scan(directory, "")
        assert.deepStrictEqual(fast?.scan(), [...visible])
        assert.strictEqual(fast?.pending.notes.size, 0)
        for (const { pending, shown } of readers) {
          const entries = new Set([...shown.keys(), ...visible.map((entry) => `${entry.name}/${entry.host.id}`)])
          for (const key of pending.notes.keys()) assert.isTrue(entries.has(key), key)
        }
      }
      for (const { pending, read, scan } of readers) {
        while (pending.notes.size > 0) read(2)
        assert.deepStrictEqual(scan(), [...Directory.scan(directory, "")])
      }
    },
    { arbitrary: { runs: 300, size: 80 } }
  )

  it("of a name that a host shared and now owns comes after the end of the former owner", () => {
    const { hear, read, shown } = makeReader()
    const [shared, owned, former] = [entryOf("a", "group"), entryOf("a", "unique"), entryOf("b", "unique")]
    hear([
      { _tag: "Up", entry: shared, replaced: undefined },
      { _tag: "Up", entry: former, replaced: undefined }
    ])
    read(2)
    hear([{ _tag: "Down", entry: shared, cause: "withdrawn", evidence: [] }])
    hear([
      { _tag: "Down", entry: former, cause: "conflict", evidence: [] },
      { _tag: "Up", entry: owned, replaced: undefined }
    ])
    read(1)
    assert.deepStrictEqual([...shown.values()], [shared])
    read(1)
    assert.deepStrictEqual([...shown.values()], [owned])
  })

  it("of a name whose owner shares it from now on comes before its next owner", () => {
    const directory = Directory.make(hostOf("m", 1000))
    const { hear, read, shown } = makeReader()
    const step = (input: Directory.Input): void => hear(Directory.step(directory, input, { now: 0 }))
    const say = (host: string, generation: number, version: number, ownership: "unique" | "group") => {
      const record = { host, generation, version, name: "x", contract: 1n, isTombstone: false, ownership }
      step({ _tag: "Merge", via: "gossip", records: [record] })
    }
    step({ _tag: "MemberChanged", id: "a", status: "alive", host: hostOf("a", 2) })
    step({ _tag: "MemberChanged", id: "b", status: "alive", host: hostOf("b", 1) })
    say("a", 2, 1, "unique")
    say("b", 1, 1, "unique")
    read(2)
    say("b", 1, 2, "group")
    read(2)
    assert.deepStrictEqual(
      [...shown.values()].map(({ host, ownership }) => `${host.id} ${ownership}`),
      ["b group", "a unique"]
    )
  })
})
