import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Latch, Schema, Scope, Stream } from "effect"
import * as Watchers from "../../../src/layers/registry/Watchers.ts"
import * as Directory from "../../../src/protocol/names/Directory.ts"
import type { NameRecord } from "../../../src/protocol/names/NameRecords.ts"
import * as Fold from "./Fold.ts"
import { hostOf } from "./ToyGossip.ts"

const ids = ["a", "b", "c"]
const names = ["x", "x.y", "x.z", "y"]

const make = () => {
  const directory = Directory.make(hostOf("m", 1000))
  const watchers = Watchers.make(directory.view)
  let version = 0
  const step = (input: Directory.Input): void => watchers.notify(Directory.step(directory, input, { now: 0 }))
  const say = (fields: Partial<NameRecord>): void => {
    version += 1
    const record = { host: "a", generation: 1, version, name: "x", contract: 1n, isTombstone: false, ...fields }
    step({ _tag: "Merge", via: "gossip", records: [{ ownership: "group", ...record }] })
  }
  const member = (id: string, status: "alive" | "dead" | "left", generation = 1): void =>
    step({ _tag: "MemberChanged", id, status, host: hostOf(id, generation) })
  return { directory, watchers, step, say, member, scan: (prefix: string) => Directory.scan(directory, prefix) }
}

const Op = Schema.Struct({
  do: Schema.Literals(["claim", "withdraw", "own", "release", "die", "live", "leave", "restart", "wake"]),
  host: Schema.Literals(ids),
  name: Schema.Literals(names),
  ownership: Schema.Literals(["unique", "group"])
})

describe("watch", () => {
  it.effect.prop(
    "adds up to scan at every instant for a fast reader, and in the end for a slow one",
    [Schema.Array(Op).check(Schema.isMaxLength(60))],
    ([ops]) =>
      Effect.gen(function* () {
        const { directory, member, say, scan, step, watchers } = make()
        const gate = Latch.makeUnsafe(false)
        const fast = yield* Fold.start(watchers.watch(""))
        const within = yield* Fold.start(watchers.watch("x."))
        const others = yield* Effect.forEach(["x", "x.y", "x.y.", "y", "z"], (prefix) =>
          Effect.map(Fold.start(watchers.watch(prefix)), (fold) => ({ fold, prefix }))
        )
        const slow = yield* Fold.start(watchers.watch("x"), gate.await)
        const lives = new Map(ids.map((id) => [id, 1]))
        for (const { do: what, host, name, ownership } of ops) {
          const generation = lives.get(host) ?? 1
          if (what === "claim") say({ host, generation, name, ownership })
          if (what === "withdraw") say({ host, generation, name, ownership, isTombstone: true })
          if (what === "own") step({ _tag: "Claim", name, ownership, contract: 2n })
          if (what === "release") step({ _tag: "Release", name })
          if (what === "die") member(host, "dead", generation)
          if (what === "live") member(host, "alive", generation)
          if (what === "leave") member(host, "left", generation)
          if (what === "restart") {
            lives.set(host, generation + 1)
            member(host, "alive", generation + 1)
          }
          if (what === "wake") {
            gate.openUnsafe()
            yield* Fold.settle
            assert.deepStrictEqual(Fold.scan(slow), scan("x"))
            gate.closeUnsafe()
          }
          yield* Fold.settle
          assert.deepStrictEqual(Fold.scan(fast), scan(""))
          assert.deepStrictEqual(Fold.scan(within), scan("x."))
          for (const { fold, prefix } of others) assert.deepStrictEqual(Fold.scan(fold), scan(prefix))
        }
        gate.openUnsafe()
        yield* Fold.settle
        assert.deepStrictEqual(Fold.scan(slow), scan("x"))
        for (const { events } of [fast, within, slow]) assert.notInclude(events, "down of what was not up")
        assert.strictEqual(directory.own.id, "m")
      }).pipe(Effect.scoped),
    { arbitrary: { runs: 60 } }
  )

  it.effect("says why, the latest reason for what went more than once", () =>
    Effect.gen(function* () {
      const { member, say, watchers } = make()
      for (const id of ids) member(id, "alive")
      for (const host of ids) say({ host })
      say({ name: "y", ownership: "unique", host: "b", generation: 1 })
      const gate = Latch.makeUnsafe(true)
      const fold = yield* Fold.start(watchers.watch(""), gate.await)
      assert.deepStrictEqual(fold.events.splice(0), ["snapshot x@a,x@b,x@c,y@b"])
      gate.closeUnsafe()
      say({ host: "a", isTombstone: true })
      yield* Fold.settle
      member("b", "dead")
      member("b", "alive")
      member("b", "left")
      member("c", "alive", 2)
      say({ name: "y", ownership: "unique", host: "c", generation: 2 })
      gate.openUnsafe()
      yield* Fold.settle
      assert.deepStrictEqual(fold.events.splice(0), [
        "down x@a withdrawn",
        "down x@b left",
        "down y@b left",
        "down x@c restarted",
        "up y@c"
      ])
      member("a", "alive")
      say({ name: "y", ownership: "unique", host: "a" })
      yield* Fold.settle
      assert.deepStrictEqual(fold.events.splice(0), ["down y@c conflict", "up y@a"])
    })
  )

  it.effect("of a slow reader costs no more than what it has shown, and skips what is over", () =>
    Effect.gen(function* () {
      const { scan, step, watchers } = make()
      const gate = Latch.makeUnsafe(false)
      const fold = yield* Fold.start(watchers.watch(""), gate.await)
      for (let index = 0; index < 5000; index++) {
        step({ _tag: "Claim", name: `n${index}`, ownership: "unique", contract: 1n })
        if (index !== 4000) step({ _tag: "Release", name: `n${index}` })
      }
      gate.openUnsafe()
      yield* Fold.settle
      assert.deepStrictEqual(fold.events, ["snapshot ", "up n4000@m"])
      assert.deepStrictEqual(Fold.scan(fold), scan(""))
    })
  )

  it.effect("of a slow reader goes on where it was, however much has changed, and changes meanwhile", () =>
    Effect.gen(function* () {
      const { scan, step, watchers } = make()
      const gate = Latch.makeUnsafe(false)
      const claim = (index: number) => step({ _tag: "Claim", name: `n${index}`, ownership: "unique", contract: 1n })
      const release = (index: number) => step({ _tag: "Release", name: `n${index}` })
      for (let index = 0; index < 4000; index++) claim(index)
      let left = Number.POSITIVE_INFINITY
      const pause = Effect.suspend(() => (left-- > 0 ? Effect.void : gate.await))
      const fold = yield* Fold.start(watchers.watch("n"), pause)
      for (let index = 0; index < 4000; index += 2) release(index)
      for (let index = 4000; index < 6000; index++) claim(index)
      left = 10
      yield* Fold.settle
      // What was not read yet of the first 1,024 changes is the reader's; of the others, those that are over are skipped.
      for (let index = 4000; index < 6000; index++) release(index)
      for (let index = 0; index < 4000; index += 2) claim(index)
      gate.openUnsafe()
      for (let round = 0; round < 200; round++) yield* Fold.settle
      assert.deepStrictEqual(Fold.scan(fold), scan("n"))
      assert.lengthOf(fold.events, 1 + 1024 + 1024)
      assert.notInclude(fold.events, "down of what was not up")
    })
  )

  it.effect("hears what a reader brings about while it reads", () =>
    Effect.gen(function* () {
      const { member, say, scan, watchers } = make()
      for (const name of names) say({ host: "b", name })
      const answer = Stream.tap(watchers.watch(""), (event) =>
        Effect.sync(() => {
          if (event._tag === "Up" && event.entry.name === "x") say({ host: "b", name: "y", isTombstone: true })
        })
      )
      const fold = yield* Fold.start(answer)
      const other = yield* Fold.start(watchers.watch("y"))
      member("b", "alive")
      yield* Fold.settle
      assert.deepStrictEqual(Fold.scan(fold), scan(""))
      assert.deepStrictEqual(Fold.scan(other), scan("y"))
      assert.notInclude(
        scan("").map(({ name }) => name),
        "y"
      )
    })
  )

  it.effect("is told apart by prefix, and forgotten with its scope", () =>
    Effect.gen(function* () {
      const { step, watchers } = make()
      const claim = (name: string) => step({ _tag: "Claim", name, ownership: "unique", contract: 1n })
      const scope = yield* Scope.make()
      const twice = yield* Effect.forEach(["x", "x"], () => Scope.provide(Fold.start(watchers.watch("x")), scope))
      const kept = yield* Fold.start(watchers.watch("x"))
      const other = yield* Fold.start(watchers.watch("y"))
      claim("x.1")
      claim("w")
      claim("y")
      yield* Fold.settle
      yield* Scope.close(scope, Exit.void)
      claim("x.2")
      yield* Fold.settle
      for (const { events } of twice) assert.deepStrictEqual(events, ["snapshot ", "up x.1@m"])
      assert.deepStrictEqual(kept.events, ["snapshot ", "up x.1@m", "up x.2@m"])
      assert.deepStrictEqual(other.events, ["snapshot ", "up y@m"])
    })
  )

  it.effect("starts with the state at the time of reading, and ends when the registry closes", () =>
    Effect.gen(function* () {
      const { step, watchers } = make()
      const watch = watchers.watch("")
      step({ _tag: "Claim", name: "x", ownership: "unique", contract: 1n })
      const fold = yield* Fold.start(watch)
      step({ _tag: "Release", name: "x" })
      watchers.close()
      yield* Fold.settle
      assert.deepStrictEqual(fold.events, ["snapshot x@m", "down x@m withdrawn"])
      const late = yield* Fold.start(watchers.watch(""))
      assert.deepStrictEqual(late.events, ["snapshot "])
    })
  )
})
