/**
 * Explained deaths: whoever hears that a member is suspect or dead hears on whose word, and what that host had seen.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryNetwork from "../../../src/layers/memory/MemoryNetwork.ts"
import * as Accusation from "../../../src/protocol/swim/Accusation.ts"
import type { MemberChange } from "../../../src/services/Gossip.ts"
import * as Cluster from "./Cluster.ts"

describe("an accusation", () => {
  const some = { accused: "b", incarnation: 7, accuser: "a", probesMissed: 2, accuserHealth: 3 }

  it("has its golden bytes, and comes back from them", () => {
    const encoded = Accusation.encode(some)
    assert.strictEqual(Buffer.from(encoded).toString("hex"), "770a016210071a016120022803")
    assert.deepStrictEqual(Accusation.decode(encoded), Option.some(some))
  })

  it.prop("is none of any other bytes, and nothing is thrown", [Schema.Uint8Array], ([bytes]) => {
    const decoded = Accusation.decode(Uint8Array.from([0x77, ...bytes]))
    if (Option.isSome(decoded)) assert.isAbove(decoded.value.probesMissed, 0)
    assert.isTrue(Option.isNone(Accusation.decode(Uint8Array.from([0x67, ...bytes]))))
  })
})

describe("a death", () => {
  it.effect.each(["a", "b"])("comes with its accuser and what it saw, on every host, seed %s", (seed) =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.MemoryNetwork
      const names = ["h1", "h2", "h3", "h4", "h5"]
      const hosts = yield* Effect.forEach(names, (name) => Cluster.start(name, { seeds: ["h1"] }))
      yield* TestClock.adjust("10 seconds")
      const witnesses = hosts.filter(({ name }) => name !== "h5")
      const heard = new Map(witnesses.map(({ name }) => [name, [] as MemberChange[]]))
      yield* Effect.forEach(witnesses, ({ gossip, name }) =>
        Effect.forkScoped(
          Stream.runForEach(gossip.changes, (change) => Effect.sync(() => heard.get(name)?.push(change))),
          { startImmediately: true }
        )
      )
      yield* network.kill("h5")
      yield* TestClock.adjust("60 seconds")
      for (const [name, changes] of heard) {
        const aboutIt = changes.filter(({ member }) => member.id === "h5")
        assert.deepStrictEqual([...new Set(aboutIt.map(({ member }) => member.status))], ["suspect", "dead"], name)
        const evidence = aboutIt.flatMap((change) => change.evidence)
        assert.isTrue(
          aboutIt.every((change) => change.evidence.length > 0),
          name
        )
        const explained = evidence.filter(({ probesMissed = 0 }) => probesMissed > 0)
        assert.isAbove(explained.length, 0, `${name} was told by nobody why`)
        for (const { accuser, accuserHealth = -1 } of explained) {
          assert.include(names.slice(0, 4), accuser)
          assert.isAtLeast(accuserHealth, 0)
        }
      }
    }).pipe(Effect.provide(Cluster.network(seed)))
  )

  it.effect("of a second life does not count what was missed of the first", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.MemoryNetwork
      const h1 = yield* Cluster.start("h1")
      yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("5 seconds")
      const missed: Array<number | undefined> = []
      yield* h1.gossip.onChange(({ evidence, from, member }) =>
        Effect.sync(() => {
          if (member.status === "suspect" && from === "alive") missed.push(evidence[0]?.probesMissed)
        })
      )
      yield* network.kill("h2")
      yield* TestClock.adjust("20 seconds")
      assert.lengthOf(missed, 1)
      // It is killed again before any probe of it was answered.
      yield* Cluster.start("h2", { seeds: ["h1"] }, 2)
      while ((yield* Cluster.view(h1)) !== "h1:alive h2:alive") yield* TestClock.adjust("5 millis")
      yield* network.kill("h2")
      yield* TestClock.adjust("60 seconds")
      assert.lengthOf(missed, 2)
      for (const times of missed) assert.isBelow(times ?? Number.POSITIVE_INFINITY, 3)
    }).pipe(Effect.provide(Cluster.network("twice")))
  )

  it.effect("that is a leave accuses nobody", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1", {})
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("5 seconds")
      const heard: Array<MemberChange> = []
      yield* Effect.forkScoped(
        Stream.runForEach(h1.gossip.changes, (change) => Effect.sync(() => heard.push(change))),
        { startImmediately: true }
      )
      yield* h2.close
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(
        heard.map(({ evidence, member }) => [member.status, evidence.length]),
        [["left", 0]]
      )
    }).pipe(Effect.provide(Cluster.network("l")))
  )
})
