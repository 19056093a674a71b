/** Encrypted clusters of ours and of the Serf that Debian has. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Ours from "./Ours.ts"
import { describeWith, serf } from "./Peers.ts"
import * as SerfPeer from "./SerfPeer.ts"
import * as Wire from "./Wire.ts"

const delegateVersion = Ours.serfVersion

const [small = "", large = ""] = [16, 32].map((length) => Wire.toBase64("5e".repeat(length)))

const start = (name: string, ...keys: ReadonlyArray<string>) =>
  Ours.start({ name, delegateVersion, encryption: { keys } })

const together = Effect.fnUntraced(function* (ours: Ours.Ours, peer: SerfPeer.SerfPeer) {
  yield* Ours.becomes("ours sees the peer", Ours.statusOf(ours, peer.name), "alive")
  yield* Ours.becomes("the peer sees ours", SerfPeer.statusOf(peer, ours.name), "alive")
})

const awhile = Effect.sleep("3 seconds")

describeWith([serf], "encryption with Serf", () => {
  it.live.each([
    { key: small, compression: "compressed", flags: [] },
    { key: large, compression: "uncompressed", flags: ["-disable-compression"] }
  ])("a cluster under one key of $key.length characters, $compression", ({ flags, key }) =>
    Effect.gen(function* () {
      const first = yield* SerfPeer.start({ name: "first", flags: [`-encrypt=${key}`, ...flags] })
      const ours = yield* start("ts", key)
      yield* ours.gossip.join([first.address])
      const second = yield* SerfPeer.start({ name: "second", flags: [`-encrypt=${key}`, ...flags] })
      yield* second.ask("join", ours.address)
      for (const peer of [first, second]) yield* together(ours, peer)
      yield* first.ask("event", "-coalesce=false", "deploy", "v1")
      yield* Ours.eventually(
        "the event",
        Effect.sync(() => SerfPeer.heard(ours, 3)),
        (events) => events.some((event) => event.includes("deploy"))
      )
      yield* awhile
      for (const peer of [first, second]) {
        yield* together(ours, peer)
        SerfPeer.assertQuiet(peer)
      }
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live("a wrong key or none never joins, and nobody is harmed", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf", flags: [`-encrypt=${small}`] })
      const ours = yield* start("ts", small)
      yield* ours.gossip.join([peer.address])
      yield* together(ours, peer)
      const wrong = yield* start("wrong", large)
      const none = yield* start("none")
      for (const each of [wrong, none]) {
        yield* Effect.flip(each.gossip.join([peer.address]))
        yield* Effect.flip(peer.ask("join", each.address))
        assert.strictEqual(yield* Ours.view(each), `${each.name}:alive`)
      }
      yield* together(ours, peer)
      assert.lengthOf(yield* peer.members, 2)
    })
  )

  it.live("the key turns at run time, on the side of Serf by its own commands", () =>
    Effect.gen(function* () {
      const peer = yield* SerfPeer.start({ name: "serf", flags: [`-encrypt=${small}`] })
      const ours = yield* start("ts", small)
      const { keyring } = ours.gossip
      yield* ours.gossip.join([peer.address])
      yield* together(ours, peer)
      // Serf asks all members to change their keys, and tells that a host of ours did not answer.
      const turn = (option: string, key: string) => Effect.ignore(peer.ask("keys", option, key))
      yield* keyring.install(large)
      yield* turn("-install", large)
      yield* turn("-use", large)
      yield* keyring.use(large)
      yield* turn("-remove", small)
      yield* keyring.remove(small)
      yield* awhile
      yield* together(ours, peer)
      assert.strictEqual((yield* ours.gossip.counters)["packet.decrypt"] ?? 0, 0)
      const late = yield* start("late", large)
      yield* late.gossip.join([peer.address])
      yield* together(late, peer)
      const behind = yield* start("behind", small)
      yield* Effect.flip(behind.gossip.join([peer.address]))
    })
  )
})
