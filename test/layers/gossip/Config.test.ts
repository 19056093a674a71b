import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as GossipSwim from "../../../src/layers/gossip/GossipSwim.ts"
import * as GossipSocketMemory from "../../../src/layers/gossip/socket/GossipSocketMemory.ts"
import { MemoryNetwork } from "../../../src/layers/memory/MemoryNetwork.ts"
import { Self } from "../../../src/services/Host.ts"
import * as Cluster from "./Cluster.ts"

const build = (config: Partial<GossipSwim.Config>, self: Partial<Self["Service"]> = {}) =>
  Layer.build(
    GossipSwim.layer({ fabric: "", seeds: [], meta: { flowPort: 0 }, ...config }).pipe(
      Layer.provide(GossipSocketMemory.layer("h1")),
      Layer.provide(Layer.succeed(Self, { id: "h1", generation: 1, locality: "", tags: {}, ...self }))
    )
  )

describe("the configuration of membership", () => {
  it.effect.each([
    ["a fabric name above 255 bytes", { fabric: "x".repeat(256) }, {}, /^listen: fabric: .*255 bytes/],
    ["tags above 512 bytes", {}, { tags: { a: "x".repeat(600) } }, /^listen: tags: .*512/],
    ["a host name with a slash", {}, { id: "a/b" }, /^listen: the name "a\/b" has something other/],
    [
      "R8: a probe time-out that is no shorter than the interval",
      { profile: { probeTimeoutMillis: 1000 } },
      {},
      /^listen: probeTimeoutMillis: /
    ],
    ["R8: a probe interval of 0", { profile: { probeIntervalMillis: 0 } }, {}, /^listen: probeIntervalMillis: /],
    ["R8: a fan-out of 0", { profile: { fanOut: 0 } }, {}, /^listen: fanOut: 0 is no whole number/],
    ["R8: half a helper", { profile: { indirectChecks: 0.5 } }, {}, /^listen: indirectChecks: 0.5/],
    [
      "R8: a time that is no number",
      { profile: { gossipIntervalMillis: Number.NaN } },
      {},
      /^listen: gossipIntervalMillis: NaN/
    ],
    [
      "R8: a time that never ends",
      { profile: { pushPullIntervalMillis: Number.POSITIVE_INFINITY } },
      {},
      /^listen: pushPullIntervalMillis: Inf/
    ],
    [
      "R8: packets that no network carries",
      { profile: { packetBytesMax: 70_000 } },
      {},
      /^listen: packetBytesMax: 70000/
    ],
    ["R8: a share above 1", { profile: { nackShare: 1.5 } }, {}, /^listen: nackShare: 1.5/],
    ["R8: a limit below 0", { limits: { membersMax: -1 } }, {}, /^listen: membersMax: -1/],
    [
      "R8: a key of 15 bytes",
      { encryption: { keys: [Buffer.alloc(15).toString("base64")] } },
      {},
      /16, 24 or 32 bytes/
    ],
    ["a seed that is no address", { seeds: ["h2", "1.2.3.4.5"] }, {}, /^join: seeds: number 2 of them is neither/]
  ] as const)("refuses %s", ([, config, self, message]) =>
    Effect.gen(function* () {
      assert.match((yield* Effect.flip(Effect.scoped(build(config, self)))).message, message)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("puts locality and tags before the others", () =>
    Effect.gen(function* () {
      yield* build({ seeds: ["h2"], meta: { flowPort: 7 } }, { generation: 5, locality: "eu", tags: { zone: "a" } })
      const h2 = yield* Cluster.start("h2")
      yield* TestClock.adjust("5 seconds")
      const seen = (yield* h2.gossip.members).find(({ id }) => id === "h1")
      assert.deepStrictEqual(seen?.host, {
        id: "h1",
        address: "10.0.0.1",
        generation: 5,
        flowPort: 7,
        locality: "eu",
        tags: { zone: "a" },
        revision: 1
      })
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("joins say why they failed, seed by seed", () =>
    Effect.gen(function* () {
      const h1 = yield* Cluster.start("h1")
      yield* Cluster.start("h2")
      const invalid = yield* Effect.flip(h1.gossip.join(["1.2.3.4.5"]))
      assert.strictEqual(invalid.reason._tag, "InvalidConfig")
      const joining = yield* Effect.forkChild(Effect.flip(h1.gossip.join(["nobody", "10.9.9.9", "h1"])))
      yield* TestClock.adjust("1 second")
      const failed = (yield* Fiber.join(joining)).reason
      assert.strictEqual(failed._tag, "JoinFailed")
      if (failed._tag === "JoinFailed")
        assert.deepStrictEqual(failed.failures, [
          { seed: "nobody", detail: 'no host is called "nobody"' },
          { seed: "10.9.9.9", detail: "nobody listens at 10.9.9.9:7946" },
          { seed: "h1", detail: "is this host itself" }
        ])
      const some = yield* Effect.forkChild(h1.gossip.join(["nobody", "h2"]))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(some), 1)
      assert.strictEqual(yield* h1.gossip.join([]), 0)
    }).pipe(Effect.provide(Cluster.network("a")))
  )

  it.effect("a join across a cut fails at the time limit", () =>
    Effect.gen(function* () {
      const network = yield* MemoryNetwork
      const h1 = yield* Cluster.start("h1")
      yield* Cluster.start("h2")
      yield* network.cut("h1", "h2")
      const joining = yield* Effect.forkChild(Effect.flip(h1.gossip.join(["h2"])))
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(joining.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.include((yield* Fiber.join(joining)).message, "no answer in time while dialling 10.0.0.2:7946")
    }).pipe(Effect.provide(Cluster.network("a")))
  )
})
