/** A host that is alone says why: each cause, also one that comes after another, and none of them all the time. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as MemoryNetwork from "../../../src/layers/memory/MemoryNetwork.ts"
import { SocketFailed } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "./Cluster.ts"

const listening = () => {
  const lines: Array<string> = []
  const log = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") lines.push(String(message))
  })
  return { lines, layer: Logger.layer([log]) }
}

describe("a host that is alone", () => {
  it.effect("says what keeps it from a seed that was not there at first", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork.MemoryNetwork
      yield* network.plug("a")
      yield* Effect.scoped(network.plug("b"))
      const { layer, lines } = listening()
      yield* Effect.provide(Cluster.start("a", { seeds: ["b"], fabric: "shop" }), layer)
      yield* TestClock.adjust("5 seconds")
      yield* Cluster.start("b", { fabric: "store" })
      yield* TestClock.adjust("9 minutes")
      assert.lengthOf(lines, 2, lines.join("\n"))
      assert.match(lines[0] ?? "", /^host "a" is alone and keeps trying: no seed answered: b \(nobody listens at /)
      assert.match(
        lines[1] ?? "",
        /^host "a" is alone and keeps trying: no seed answered: b \(it closed without a word, as /
      )
      yield* TestClock.adjust("5 minutes")
      assert.deepStrictEqual(lines[2], lines[1], "again after a while")
      assert.lengthOf(lines, 3)
    }).pipe(Effect.provide(Cluster.network("a seed that comes late")))
  )

  it.effect("says the same of the addresses of a seed once, in whatever order they come", () =>
    Effect.gen(function* () {
      const { layer, lines } = listening()
      let turn = 0
      const through: Parameters<typeof Cluster.start>[3] = (socket) => ({
        ...socket,
        lookup: () =>
          Effect.sync(() => {
            turn += 1
            return [1, 2, 3].map((place) => Uint8Array.of(192, 0, 2, (place + turn) % 3))
          }),
        dial: ({ bytes }) => Effect.fail(new SocketFailed({ how: "refused", detail: `no ${bytes[3]}` }))
      })
      yield* Effect.provide(Cluster.start("a", { seeds: ["many"] }, 1, through), layer)
      yield* TestClock.adjust("5 minutes")
      assert.lengthOf(lines, 1, lines.join("\n"))
    }).pipe(Effect.provide(Cluster.network("addresses in turns")))
  )
})
