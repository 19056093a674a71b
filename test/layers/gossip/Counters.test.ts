/** The counters of the membership plane as metrics. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { TestClock } from "effect/testing"
import * as Counters from "../../../src/layers/gossip/Counters.ts"
import * as GossipSocketNode from "../../../src/layers/gossip/socket/GossipSocketNode.ts"
import { GossipSocket } from "../../../src/services/GossipSocket.ts"
import * as Cluster from "./Cluster.ts"
import { intruder } from "./Intruder.ts"

/** The counts of a metric by reason, of this test alone. */
const countsOf = (id: string) =>
  Effect.map(Metric.snapshot, (states) =>
    Object.fromEntries(
      states.flatMap((state) =>
        state.id === id && state.type === "Counter"
          ? [[state.attributes?.reason ?? "", Number(state.state.count)] as const]
          : []
      )
    )
  )

const fresh = Effect.provideServiceEffect(
  Metric.MetricRegistry,
  Effect.sync(() => new Map())
)

it.effect("what a host drops and what it fails at are metrics, by the reasons of its counters", () =>
  Effect.gen(function* () {
    const h1 = yield* Cluster.start("h1", { seeds: ["nobody"] })
    const stranger = yield* intruder
    for (const bytes of [[200], [200], [244], [0, 0x81]])
      yield* stranger.send(h1.socket.address, Uint8Array.from(bytes))
    yield* TestClock.adjust("1 second")
    yield* Effect.flip(h1.gossip.send("h2", new Uint8Array(1)))
    const counters = yield* h1.gossip.counters
    const dropped = yield* countsOf("grinta_gossip_dropped")
    assert.deepStrictEqual(dropped, { "packet.type": 2, "packet.label": 1, "packet.truncated": 1 })
    const all = { ...dropped, ...(yield* countsOf("grinta_gossip_failed")) }
    assert.deepStrictEqual(all, counters)
  }).pipe(Effect.provide(Cluster.network("m")), fresh)
)

it.effect("each reason is counted as one of the two, by what it is about", () =>
  Effect.gen(function* () {
    const { count, read } = yield* Counters.make()
    for (const reason of ["packet.rate", "queue.overflow", "stream.refused", "swim.learnLimit"]) count(reason, 3)
    for (const reason of ["pushPull.timeout", "probe.failed", "machine.defect"]) count(reason)
    assert.deepStrictEqual(Object.values(yield* countsOf("grinta_gossip_dropped")), [3, 3, 3, 3])
    assert.deepStrictEqual(Object.values(yield* countsOf("grinta_gossip_failed")), [1, 1, 1])
    assert.strictEqual((yield* read)["packet.rate"], 3)
  }).pipe(fresh)
)

it.live("what a port cannot send is one, too", () =>
  Effect.gen(function* () {
    const services = yield* Layer.build(GossipSocketNode.layer({ host: "127.0.0.1", port: 0 }))
    const socket = yield* Effect.provide(GossipSocket, services)
    yield* socket.send({ bytes: new Uint8Array(16).fill(1), port: 9 }, Uint8Array.of(1))
    assert.deepStrictEqual(yield* countsOf("grinta_gossip_failed"), { "socket.sendFailed": 1 })
  }).pipe(fresh)
)
