/** Indirect and TCP probes between ours and the Serf that Debian has, whose probes come once in a second. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Ours from "./Ours.ts"
import { describeWith, serf } from "./Peers.ts"
import * as SerfPeer from "./SerfPeer.ts"
import * as Wire from "./Wire.ts"

const delegateVersion = Ours.serfVersion
const awhile = Effect.sleep("9 seconds")

const statuses = (ours: Ours.Ours, name: string) =>
  ours.changes.filter(({ member }) => member.id === name).map(({ member }) => member.status)

describeWith([serf], "probes with Serf", () => {
  it.live("Serf carries our probe, and says when it got no answer", () =>
    Effect.gen(function* () {
      const relay = yield* SerfPeer.start({ name: "relay" })
      const profile = { ...Ours.fast, probeIntervalMillis: 1000, probeTimeoutMillis: 200, tcpPings: false }
      const start = (name: string) => Ours.start({ name, delegateVersion, profile, seeds: [relay.address] })
      const ours = yield* start("ts")
      const target = yield* start("target")
      yield* Ours.becomes("all are in", Ours.view(ours), "relay:alive target:alive ts:alive")
      ours.faults.isBlocked = (port) => port === target.port
      target.faults.isBlocked = (port) => port === ours.port
      yield* awhile
      assert.notInclude(statuses(ours, "target"), "dead")
      yield* Ours.becomesCarrier(ours, "out", relay.port, 1)
      SerfPeer.assertQuiet(relay)
      yield* target.crash
      const nacks = Effect.sync(() => Wire.messages(ours.faults, "in", relay.port, "Nack").length)
      yield* Ours.eventually("nacks", nacks, (count) => count > 0)
      yield* Ours.becomes("dead", Ours.statusOf(ours, "target"), "dead")
      yield* Ours.becomes("failed", SerfPeer.statusOf(relay, "target"), "failed")
    })
  )

  it.live("ours carries the probe of Serf, and says when it got no answer", () =>
    Effect.gen(function* () {
      // It is slow to say that the target is dead, so that Serf finds out for itself.
      const profile = { ...Ours.fast, suspicionMult: 60 }
      const relay = yield* Ours.start({ name: "relay", delegateVersion, profile })
      const peer = yield* SerfPeer.start({ name: "serf", flags: [`-join=${relay.address}`] })
      const target = yield* Ours.start({ name: "target", delegateVersion, seeds: [relay.address] })
      yield* Ours.becomes("all are in", SerfPeer.statusOf(peer, "target"), "alive")
      target.faults.isBlocked = (port) => port === peer.port
      target.faults.refusesStreams = true
      yield* awhile
      yield* Ours.becomesCarrier(relay, "in", peer.port, 1)
      assert.notInclude(statuses(relay, "target"), "dead")
      assert.strictEqual(yield* SerfPeer.statusOf(peer, "target"), "alive")
      SerfPeer.assertQuiet(peer, /Failed fallback ping/)
      yield* Ours.assertQuiet(relay)
      yield* target.crash
      const nacks = Effect.sync(() => Wire.messages(relay.faults, "out", peer.port, "Nack").length)
      yield* Ours.eventually("nacks", nacks, (count) => count > 0)
      yield* Ours.becomes("failed", SerfPeer.statusOf(peer, "target"), "failed")
    })
  )

  it.live("either side keeps a member whose datagrams are lost and whose streams are not", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf" })
      const profile = { ...Ours.fast, suspicionMult: 8 }
      const ours = yield* Ours.start({ name: "ts", delegateVersion, profile, seeds: [peer.address] })
      yield* Ours.becomes("both are in", SerfPeer.statusOf(peer, "ts"), "alive")
      ours.faults.isBlocked = () => true
      yield* awhile
      assert.notInclude(statuses(ours, "serf"), "dead")
      yield* Ours.eventually(
        "probes are rescued, and more of them than fail",
        ours.gossip.counters,
        (counters) => (counters["probe.tcpOnly"] ?? 0) > 3 + (counters["probe.failed"] ?? 0)
      )
      assert.strictEqual(yield* SerfPeer.statusOf(peer, "ts"), "alive")
      const warning = /Was able to (connect to|reach) ts/
      const warnings = Effect.sync(() => peer.log.filter((line) => warning.test(line)).length)
      yield* Ours.eventually("Serf says so", warnings, (count) => count > 1)
      SerfPeer.assertQuiet(peer, warning)
    })
  )
})
