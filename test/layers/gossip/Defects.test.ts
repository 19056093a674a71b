/**
 * A bug in a step of the membership machine: that step is left out, and the host goes on from what it knows.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Cluster from "./Cluster.ts"

/** A rule of a user that throws for one address. */
const admits = (bytes: Uint8Array): boolean => {
  if (bytes.at(-1) === 3) throw new Error("a bug")
  return true
}

describe("a step that fails", () => {
  it.effect("is left out, of datagrams and of exchanges, and nobody else is lost", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1", { admits })
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      yield* TestClock.adjust("3 seconds")
      // The third address: its word comes by gossip from h2, and by an exchange of its own.
      const h3 = yield* Cluster.start("h3", { seeds: ["h2", "h1"] })
      yield* TestClock.adjust("30 seconds")
      assert.isAbove((yield* h1.gossip.counters)["machine.defect"] ?? 0, 0)
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive h2:alive")
      const h4 = yield* Cluster.start("h4", { seeds: ["h2"] })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive h2:alive h4:alive")
      yield* h2.close
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive h2:left h4:alive")
      yield* h3.close
      yield* h4.close
    }).pipe(Effect.provide(Cluster.network("defects")))
  )

  it.effect("of a join is a failure of that seed", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1", { admits })
      yield* Cluster.start("h2")
      yield* Cluster.start("h3")
      const joining = yield* Effect.forkChild(Effect.flip(h1.gossip.join(["h3"])))
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(joining)
      assert.strictEqual(error.reason._tag, "JoinFailed")
      assert.match(error.message, /h3 \(its state could not be taken in: see the log\)/)
      const joined = yield* Effect.forkChild(h1.gossip.join(["h2"]))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(joined), 1)
      assert.strictEqual(yield* Cluster.view(h1), "h1:alive h2:alive")
    }).pipe(Effect.provide(Cluster.network("join")))
  )
})
