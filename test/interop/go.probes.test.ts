/** Direct, indirect and TCP probes between ours and members of the current hashicorp/memberlist. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as GoPeer from "./GoPeer.ts"
import * as Ours from "./Ours.ts"
import * as OursApart from "./OursApart.ts"
import { describeWith, go } from "./Peers.ts"
import * as Wire from "./Wire.ts"

const stateFrom = (peer: string, name: string) => Effect.map(Wire.stateOf(peer, name), (node) => node?.state)

/** Long enough for some probes to fail and for a suspicion to become a death. */
const awhile = Effect.sleep("6 seconds")

const statuses = (ours: Ours.Ours, name: string) =>
  ours.changes.filter(({ member }) => member.id === name).map(({ member }) => member.status)

const withoutTcp = { ...Ours.fast, tcpPings: false }

describeWith([go], "probes with memberlist", () => {
  GoPeer.build()

  it.live("a killed peer is dead for ours, a killed host of ours is dead for the peer", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts" })
      const stays = yield* GoPeer.start({ name: "stays", flags: [`-join=${ours.address}`] })
      const goes = yield* GoPeer.start({ name: "goes", flags: [`-join=${ours.address}`] })
      const apart = yield* OursApart.start({ name: "apart" })
      yield* stays.ask({ cmd: "join", seeds: [apart.address] })
      yield* Ours.becomes("all are in", Ours.view(ours), "apart:alive goes:alive stays:alive ts:alive")
      yield* Effect.all([goes.kill, apart.kill])
      for (const name of ["goes", "apart"]) {
        yield* Ours.becomes(`${name} for ours`, Ours.statusOf(ours, name), "dead", 30)
        yield* Ours.becomes(`${name} for the peer`, stateFrom(stays.address, name), "dead", 30)
      }
      yield* Ours.becomes("the rest", GoPeer.view(stays), "stays ts")
      assert.strictEqual(yield* Ours.statusOf(ours, "stays"), "alive")
    })
  )

  it.live("the peer carries our probe, and says when it got no answer", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", profile: withoutTcp })
      const relay = yield* GoPeer.start({ name: "relay", flags: [`-join=${ours.address}`, "-suspicion-mult=40"] })
      const target = yield* Ours.start({ name: "target", seeds: [relay.address] })
      yield* Ours.becomes("all are in", Ours.view(ours), "relay:alive target:alive ts:alive")
      ours.faults.isBlocked = (port) => port === target.port
      target.faults.isBlocked = (port) => port === ours.port
      yield* awhile
      assert.notInclude(statuses(ours, "target"), "dead")
      assert.isAbove(ours.faults.dropped, 5)
      yield* Ours.becomesCarrier(ours, "out", relay.port, 5)
      yield* target.crash
      const nacks = Effect.sync(() => Wire.messages(ours.faults, "in", relay.port, "Nack").length)
      yield* Ours.eventually("nacks", nacks, (count) => count > 0)
      yield* Ours.becomes("dead", Ours.statusOf(ours, "target"), "dead")
      GoPeer.assertQuiet(relay, /connection refused/)
    })
  )

  it.live("ours carries the probe of the peer, and says when it got no answer", () =>
    Effect.gen(function* () {
      // It is slow to say that the target is dead, so that the others find out for themselves.
      const relay = yield* Ours.start({ name: "relay", profile: { ...Ours.fast, suspicionMult: 40 } })
      const flags = [`-join=${relay.address}`, "-tcp-pings=false"]
      const peer = yield* GoPeer.start({ name: "go", flags })
      const target = yield* GoPeer.start({ name: "target", flags })
      yield* Ours.becomes("all are in", GoPeer.view(peer), "go relay target")
      yield* peer.ask({ cmd: "block", ports: [target.port] })
      yield* target.ask({ cmd: "block", ports: [peer.port] })
      yield* awhile
      yield* Ours.becomesCarrier(relay, "in", peer.port, 5)
      assert.notInclude(statuses(relay, "target"), "dead")
      GoPeer.assertQuiet(peer)
      GoPeer.assertQuiet(target)
      yield* Ours.assertQuiet(relay)
      yield* target.kill
      const nacks = Effect.sync(() => Wire.messages(relay.faults, "out", peer.port, "Nack").length)
      yield* Ours.eventually("nacks", nacks, (count) => count > 0)
      yield* Ours.becomes("dead", stateFrom(peer.address, "target"), "dead")
      // Who gets its nacks does not doubt itself.
      assert.strictEqual((yield* peer.ask({ cmd: "members" })).health, 0)
    })
  )

  it.live("either side keeps a member whose datagrams are lost and whose streams are not", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", profile: { ...Ours.fast, suspicionMult: 8 } })
      const peer = yield* GoPeer.start({ name: "go", flags: ["-suspicion-mult=8", `-join=${ours.address}`] })
      yield* Ours.becomes("both are in", GoPeer.view(peer), "go ts")
      ours.faults.isBlocked = () => true
      yield* awhile
      assert.notInclude(statuses(ours, "go"), "dead")
      yield* Ours.eventually(
        "probes are rescued, and more of them than fail",
        ours.gossip.counters,
        (counters) => (counters["probe.tcpOnly"] ?? 0) > 3 + (counters["probe.failed"] ?? 0)
      )
      yield* Ours.becomes("the peer", Ours.statusOf(ours, "go"), "alive")
      yield* Ours.becomes("ours", stateFrom(peer.address, "ts"), "alive")
      assert.deepStrictEqual(GoPeer.told(peer, "leave"), [])
      const complaints = Effect.sync(() => peer.log.filter((line) => line.includes("over TCP but UDP probes failed")))
      yield* Ours.eventually("the peer says so", complaints, (lines) => lines.length > 3)
      GoPeer.assertQuiet(peer)
    })
  )

  it.live("a suspect is told so in the probe, and refutes, on either side", () =>
    Effect.gen(function* () {
      const slow = { ...Ours.fast, tcpPings: false, suspicionMult: 20 }
      const ours = yield* Ours.start({ name: "ts", profile: slow })
      const peer = yield* GoPeer.start({
        name: "go",
        flags: [`-join=${ours.address}`, "-tcp-pings=false", "-suspicion-mult=20"]
      })
      yield* Ours.becomes("both are in", GoPeer.view(peer), "go ts")
      yield* Ours.becomes("both are in", Ours.view(ours), "go:alive ts:alive")
      ours.faults.isBlocked = () => true
      yield* Ours.becomes("ours suspects the peer", Ours.statusOf(ours, "go"), "suspect")
      yield* Ours.eventually(
        "the peer suspects ours",
        Effect.sync(() => peer.log.filter((line) => line.includes("Suspect ts has failed"))),
        (lines) => lines.length > 0
      )
      ours.faults.isBlocked = () => false
      yield* Ours.becomes("ours sees the refutation", Ours.statusOf(ours, "go"), "alive")
      yield* Ours.becomes("the peer sees the refutation", stateFrom(peer.address, "ts"), "alive")
      assert.isAbove((yield* Wire.stateOf(peer.address, "ts"))?.incarnation ?? 0, 1)
      assert.isAbove((yield* Ours.memberOf(ours, "go"))?.incarnation ?? 0, 1)
    })
  )

  it.live("a process that stands still for a while is dead, and alive again when it goes on, on either side", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts" })
      const stays = yield* GoPeer.start({ name: "stays", flags: [`-join=${ours.address}`] })
      const goes = yield* GoPeer.start({ name: "goes", flags: [`-join=${ours.address}`] })
      const apart = yield* OursApart.start({ name: "apart" })
      yield* stays.ask({ cmd: "join", seeds: [apart.address] })
      const all = "apart:alive goes:alive stays:alive ts:alive"
      yield* Ours.becomes("all are in", Ours.view(ours), all)
      for (const each of [goes, apart]) each.process.kill("SIGSTOP")
      yield* Ours.becomes("dead", Ours.view(ours), "apart:dead goes:dead stays:alive ts:alive", 30)
      yield* Ours.becomes("dead for the peer", GoPeer.view(stays), "stays ts", 30)
      for (const each of [goes, apart]) each.process.kill("SIGCONT")
      yield* Ours.becomes("back", Ours.view(ours), all)
      for (const peer of [stays, goes]) yield* Ours.becomes("back", GoPeer.view(peer), "apart goes stays ts")
    })
  )
})
