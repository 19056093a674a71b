/** Datagrams under the addresses of members, by whoever can forge them: the share of those addresses is theirs. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Intake from "../../../src/protocol/memberlist/Intake.ts"
import type { GossipSocket } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "./Cluster.ts"

/** What an address has at once: large ones, and small ones for what those leave. */
const forged = [
  ...Array.from({ length: Intake.sourceUnitsBurst / 25 }, () => new Uint8Array(25 * Intake.unitBytes).fill(200)),
  ...Array.from({ length: 25 }, () => Uint8Array.of(200))
]

describe("members whose addresses are forged without end", () => {
  it.effect("are not believed dead, nor is the host that hears none of their datagrams, and a newcomer is known", () =>
    Effect.gen(function* () {
      let isForged = false
      const flooded = (socket: GossipSocket["Service"]): GossipSocket["Service"] => ({
        ...socket,
        // As many come before each that is true that nothing is left for it.
        receive: Effect.map(socket.receive, (datagrams) => {
          if (!isForged) return datagrams
          const [{ from }] = datagrams
          return [{ from, payload: Uint8Array.of() }, ...forged.map((payload) => ({ from, payload })), ...datagrams]
        })
      })
      const h1 = yield* Cluster.start("h1", {}, 1, flooded)
      const h2 = yield* Cluster.start("h2", { seeds: ["h1"] })
      const h3 = yield* Cluster.start("h3", { seeds: ["h1"] })
      yield* TestClock.adjust("5 seconds")
      const all = "h1:alive h2:alive h3:alive"
      for (const host of [h1, h2, h3]) assert.strictEqual(yield* Cluster.view(host), all)
      isForged = true
      for (let second = 0; second < 20; second++) {
        yield* TestClock.adjust("1 second")
        for (const host of [h1, h2, h3]) assert.strictEqual(yield* Cluster.view(host), all, `after ${second} s`)
      }
      assert.isAbove((yield* h1.gossip.counters)["packet.sourceRate"] ?? 0, forged.length)
      const h4 = yield* Cluster.start("h4", { seeds: ["h2"] })
      yield* TestClock.adjust("30 seconds")
      for (const host of [h1, h2, h3, h4]) assert.strictEqual(yield* Cluster.view(host), `${all} h4:alive`)
    }).pipe(Effect.provide(Cluster.network("a")))
  )
})
