/** Joining, knowing and leaving each other, and messages, with the Serf that Debian has. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Ours from "./Ours.ts"
import * as OursApart from "./OursApart.ts"
import { describeWith, serf } from "./Peers.ts"
import * as SerfPeer from "./SerfPeer.ts"
import * as Wire from "./Wire.ts"

const delegateVersion = Ours.serfVersion

const start = (options: Ours.Options) => Ours.start({ delegateVersion, ...options })

const together = Effect.fnUntraced(function* (ours: Ours.Ours, peer: SerfPeer.SerfPeer) {
  yield* Ours.becomes("ours sees the peer", Ours.statusOf(ours, peer.name), "alive")
  yield* Ours.becomes("the peer sees ours", SerfPeer.statusOf(peer, ours.name), "alive")
})

const text = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes)

describeWith([serf], "membership with Serf", () => {
  it.live("ours joins Serf, as a seed and by word", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf" })
      const seeded = yield* start({ name: "seeded", seeds: [peer.address] })
      yield* together(seeded, peer)
      const ours = yield* start({ name: "ts" })
      assert.strictEqual(yield* ours.gossip.join([peer.address]), 1)
      yield* together(ours, peer)
      yield* Ours.becomes("ours see each other", Ours.statusOf(ours, "seeded"), "alive")
      assert.strictEqual((yield* SerfPeer.memberOf(peer, "ts"))?.addr, ours.address)
      SerfPeer.assertQuiet(peer)
    })
  )

  it.live("Serf joins ours", () =>
    Effect.gen(function* () {
      const ours = yield* start({ name: "ts" })
      const peer = yield* SerfPeer.start({ name: "serf" })
      yield* peer.ask("join", ours.address)
      yield* together(ours, peer)
      const second = yield* SerfPeer.start({ name: "second", flags: [`-join=${ours.address}`] })
      yield* together(ours, second)
      yield* Ours.assertQuiet(ours)
      yield* Ours.becomes("Serf sees Serf through ours", SerfPeer.statusOf(peer, "second"), "alive")
      SerfPeer.assertQuiet(peer)
    })
  )

  it.live.each([true, false])("Serf without compression, ours with: %s", (compress) =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf", flags: ["-disable-compression"] })
      const ours = yield* start({ name: "ts", compress, seeds: [peer.address] })
      yield* together(ours, peer)
      yield* Effect.sleep("3 seconds")
      yield* together(ours, peer)
      SerfPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live("each sees the metadata of the other, and its change", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf", tags: ["zone=a"] })
      const ours = yield* start({ name: "ts", tags: { rack: "one" }, seeds: [peer.address] })
      yield* together(ours, peer)
      const metaOf = (name: string) =>
        Effect.map(Ours.memberOf(ours, name), (member) => text(member?.meta ?? Uint8Array.of()))
      assert.strictEqual(yield* metaOf("serf"), "\xff\x81\xa4zone\xa1a")
      assert.isUndefined((yield* Ours.memberOf(ours, "serf"))?.host)
      yield* peer.ask("tags", "-set", "zone=b")
      yield* Ours.becomes("the new tags", metaOf("serf"), "\xff\x81\xa4zone\xa1b")

      // What is no Serf metadata is shown as the role.
      const role = Effect.map(SerfPeer.memberOf(peer, "ts"), (member) => member?.tags.role ?? "")
      assert.include(yield* role, "one")
      yield* ours.gossip.setTags({ rack: "new" })
      yield* Ours.eventually("the tags that ours took at run time", role, (found) => found.includes("new"))
      yield* ours.crash
      yield* start({ name: "ts", port: ours.port, generation: 2, tags: { rack: "two" }, seeds: [peer.address] })
      yield* Ours.eventually("the new metadata of ours", role, (found) => found.includes("two"))
      SerfPeer.assertQuiet(peer, /Refuting|Suspect/)
    })
  )

  it.live("user events, both ways, and user state of more than 127 bytes", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf" })
      const ours = yield* start({ name: "ts", seeds: [peer.address] })
      yield* together(ours, peer)
      yield* peer.ask("event", "-coalesce=false", "deploy", "v1")
      yield* Ours.eventually(
        "the event of Serf",
        Effect.sync(() => SerfPeer.heard(ours, 3)),
        (events) => events.some((event) => event.includes("deploy") && event.includes("v1"))
      )
      yield* ours.gossip.broadcast("event", SerfPeer.userEvent("restart", "now", 50))
      yield* Wire.sendReliable(peer.address, SerfPeer.userEvent("reliable", "now", 51))
      for (const name of ["restart", "reliable"])
        yield* Ours.eventually(
          `the event "${name}" of ours`,
          Effect.sync(() => peer.log),
          (log) => log.some((line) => line.includes(`Received event: user-event: ${name}`))
        )
      yield* Ours.eventually(
        "the state of Serf",
        Effect.sync(() => ours.states),
        (states) => states.some((state) => state[0] === 2 && state.length > 500)
      )
      SerfPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live("a leave is a leave for Serf, whether it is waited for or not", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf" })
      const polite = yield* start({ name: "polite", seeds: [peer.address] })
      const curt = yield* start({ name: "curt", seeds: [peer.address] })
      yield* together(polite, peer)
      yield* together(curt, peer)
      yield* polite.gossip.leave
      yield* curt.close
      for (const name of ["polite", "curt"]) {
        yield* Ours.becomes(`${name} has left`, SerfPeer.statusOf(peer, name), "left")
        assert.strictEqual((yield* Wire.stateOf(peer.address, name))?.state, "left", `memberlist says of ${name}`)
      }
      SerfPeer.assertQuiet(peer)
    })
  )

  it.live("a host that comes back after its leave, and leaves again, has left again", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf" })
      for (const generation of [1, 2, 3]) {
        const ours = yield* start({ name: "ts", generation, seeds: [peer.address] })
        yield* together(ours, peer)
        yield* ours.close
        yield* Ours.becomes("it has left", SerfPeer.statusOf(peer, "ts"), "left")
      }
    })
  )

  it.live("a leave of Serf is a leave for ours", () =>
    Effect.gen(function* () {
      const ours = yield* start({ name: "ts" })
      const peer = yield* SerfPeer.start({ name: "serf", flags: [`-join=${ours.address}`] })
      yield* together(ours, peer)
      yield* peer.ask("leave")
      yield* Ours.becomes("left", Ours.statusOf(ours, "serf"), "left")
      yield* Ours.eventually(
        "the intent was heard",
        Effect.sync(() => SerfPeer.heard(ours, 0)),
        (intents) => intents.length > 0
      )
    })
  )

  it.live("ours comes back after a kill and after a leave, at incarnation 1, and refutes", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf" })
      const status = SerfPeer.statusOf(peer, "ts")
      const first = yield* OursApart.start({ name: "ts", delegateVersion })
      yield* peer.ask("join", first.address)
      yield* Ours.becomes("alive", status, "alive")
      yield* first.kill
      yield* Ours.becomes("killed", status, "failed", 30)
      const second = yield* OursApart.start({ name: "ts", delegateVersion, port: first.port, generation: 2 })
      yield* peer.ask("join", second.address)
      yield* Ours.becomes("back from the dead", status, "alive")
      second.process.stdin?.end()
      yield* second.exit
      yield* Ours.becomes("gone with a word", status, "left")
      const third = yield* start({ name: "ts", port: first.port, generation: 3, seeds: [peer.address] })
      yield* together(third, peer)
      assert.isAtLeast((yield* Ours.memberOf(third, "ts"))?.incarnation ?? 0, 3)
    })
  )

  it.live("a killed Serf is dead for ours, and alive again when it is back", () =>
    Effect.gen(function* () {
      const ours = yield* start({ name: "ts" })
      const peer = yield* SerfPeer.start({ name: "serf", flags: [`-join=${ours.address}`] })
      yield* together(ours, peer)
      yield* peer.kill
      yield* Ours.becomes("killed", Ours.statusOf(ours, "serf"), "dead")
      const again = yield* SerfPeer.start({ name: "serf", flags: [`-join=${ours.address}`, `-bind=${peer.address}`] })
      assert.notStrictEqual(again.process.pid, peer.process.pid)
      yield* Ours.becomes("back", Ours.statusOf(ours, "serf"), "alive")
    })
  )
})
