/** Joining, knowing and leaving each other, with members of the current hashicorp/memberlist. */
import { assert, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { encode } from "../../src/protocol/memberlist/MessageCodec.ts"
import * as HostMeta from "../../src/protocol/names/HostMeta.ts"
import * as GoPeer from "./GoPeer.ts"
import * as Ours from "./Ours.ts"
import * as OursApart from "./OursApart.ts"
import { describeWith, go } from "./Peers.ts"
import * as Wire from "./Wire.ts"

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const metaHex = (tags: Readonly<Record<string, string>>): string =>
  toHex(Result.getOrThrow(HostMeta.encode({ flowPort: 7, generation: 3, locality: "eu", tags })))

const tagsIn = (hex: string | undefined): string =>
  JSON.stringify(
    HostMeta.decode(Buffer.from(hex ?? "", "hex")).pipe((meta) => ("value" in meta ? meta.value.tags : {}))
  )

const stateFrom = (peer: string, name: string) => Effect.map(Wire.stateOf(peer, name), (node) => node?.state)

const together = Effect.fnUntraced(function* (ours: Ours.Ours, peer: GoPeer.GoPeer) {
  const names = [ours.name, peer.name].sort()
  yield* Ours.becomes("ours sees both", Ours.view(ours), names.map((name) => `${name}:alive`).join(" "))
  yield* Ours.becomes("the peer sees both", GoPeer.view(peer), names.join(" "))
})

describeWith([go], "membership with memberlist", () => {
  GoPeer.build()

  it.live("ours joins the peer", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go" })
      const ours = yield* Ours.start({ name: "ts" })
      assert.strictEqual(yield* ours.gossip.join([`go/${peer.address}`]), 1)
      yield* together(ours, peer)
      const [joined] = GoPeer.told(peer, "join").filter(({ name }) => name === "ts")
      assert.strictEqual(joined?.address, ours.address)
      GoPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live("ours joins the peer as a seed, from the start", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go" })
      yield* together(yield* Ours.start({ name: "ts", seeds: [peer.address] }), peer)
    })
  )

  it.live("the peer joins ours", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts" })
      const peer = yield* GoPeer.start({ name: "go" })
      const { joined } = yield* peer.ask({ cmd: "join", seeds: [`ts/${ours.address}`] })
      assert.strictEqual(joined, 1)
      yield* together(ours, peer)
      GoPeer.assertQuiet(peer)
      yield* Ours.assertQuiet(ours)
    })
  )

  it.live.each([2, 3, 4, 5])(
    "a peer that speaks protocol %d, uncompressed, stays alive over many push/pulls",
    (protocol) =>
      Effect.gen(function* () {
        const ours = yield* Ours.start({ name: "ts", compress: false })
        const flags = [`-protocol=${protocol}`, "-compress=false", `-join=${ours.address}`, "-push-pull-interval=200ms"]
        const peer = yield* GoPeer.start({ name: "go", flags })
        yield* together(ours, peer)
        yield* Effect.sleep("3 seconds")
        yield* together(ours, peer)
        assert.deepStrictEqual(
          ours.changes.map(({ member }) => member.status).filter((status) => status !== "alive"),
          []
        )
        GoPeer.assertQuiet(peer)
      })
  )

  it.live("a peer with other versions of the application is no member, one with the same is", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", delegateVersion: 4 })
      const other = yield* GoPeer.start({ name: "other" })
      yield* Effect.flip(other.ask({ cmd: "join", seeds: [ours.address] }))
      const peer = yield* GoPeer.start({ name: "go", flags: ["-delegate=2,5,5"] })
      yield* peer.ask({ cmd: "join", seeds: [ours.address] })
      yield* together(ours, peer)
      const counters = yield* ours.gossip.counters
      assert.isAbove(counters["swim.incompatible"] ?? 0, 0)
    })
  )

  it.live("a peer that speaks one version of the application and no other is seen by a host that speaks it too", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", delegateVersion: 5 })
      const strict = yield* GoPeer.start({ name: "strict", flags: ["-delegate=5,5,5", `-join=${ours.address}`] })
      const wide = yield* GoPeer.start({ name: "wide", flags: ["-delegate=2,5,5", `-join=${ours.address}`] })
      yield* Ours.becomes("ours sees both", Ours.view(ours), "strict:alive ts:alive wide:alive")
      for (const peer of [strict, wide])
        yield* Ours.becomes("the peers see each other", GoPeer.view(peer), "strict ts wide")
      for (const peer of [strict, wide]) GoPeer.assertQuiet(peer)
    })
  )

  it.live("each sees the metadata of the other, and its change", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go", flags: [`-meta=${metaHex({ zone: "a" })}`] })
      const ours = yield* Ours.start({ name: "ts", tags: { rack: "1" }, seeds: [peer.address] })
      yield* together(ours, peer)
      const zone = Effect.map(Ours.memberOf(ours, "go"), (member) => member?.host?.tags.zone)
      assert.strictEqual(yield* zone, "a")
      yield* peer.ask({ cmd: "meta", hex: metaHex({ zone: "b" }) })
      yield* Ours.becomes("the new metadata", zone, "b")
      assert.strictEqual((yield* Ours.memberOf(ours, "go"))?.incarnation, 2)

      const rack = Effect.map(peer.ask({ cmd: "members" }), ({ members }) =>
        tagsIn(members.find(({ name }) => name === "ts")?.meta)
      )
      assert.strictEqual(yield* rack, `{"rack":"1"}`)
      yield* ours.gossip.setTags({ rack: "new" })
      yield* Ours.becomes("the tags that ours took at run time", rack, `{"rack":"new"}`)
      const isTold = (count: number) => GoPeer.told(peer, "update").filter(({ name }) => name === "ts").length >= count
      yield* Ours.becomes(
        "an update is told",
        Effect.sync(() => isTold(1)),
        true
      )
      yield* together(ours, peer)
      yield* ours.crash
      // The peer has yet to notice the crash when the host is back.
      const again = yield* Ours.start({
        name: "ts",
        port: ours.port,
        generation: 2,
        tags: { rack: "2" },
        seeds: [peer.address]
      })
      yield* Ours.becomes("the new metadata of ours", rack, `{"rack":"2"}`)
      yield* together(again, peer)
      yield* Ours.becomes(
        "another update is told",
        Effect.sync(() => isTold(2)),
        true
      )
      GoPeer.assertQuiet(peer)
    })
  )

  it.live("an accusation that is out of reach neither removes ours nor bothers the peer", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go" })
      const ours = yield* Ours.start({ name: "ts", seeds: [peer.address] })
      yield* together(ours, peer)
      const accusation = encode({ _tag: "Suspect", incarnation: 2 ** 32 - 1, node: "ts", from: "go" })
      yield* Wire.sendPart(ours.address, accusation)
      yield* Ours.becomes(
        "the answer",
        Effect.map(Wire.stateOf(peer.address, "ts"), (node) => node?.state === "alive" && node.incarnation >= 2),
        true
      )
      yield* together(ours, peer)
      GoPeer.assertQuiet(peer)
    })
  )

  it.live("a wrong label never joins, the right one does, and nobody is harmed", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", fabric: "prod" })
      const right = yield* GoPeer.start({ name: "right", label: "prod" })
      const wrong = yield* GoPeer.start({ name: "wrong", label: "test" })
      const none = yield* GoPeer.start({ name: "none" })
      yield* right.ask({ cmd: "join", seeds: [ours.address] })
      yield* Effect.flip(wrong.ask({ cmd: "join", seeds: [ours.address] }))
      yield* Effect.flip(none.ask({ cmd: "join", seeds: [ours.address] }))
      yield* Effect.flip(ours.gossip.join([wrong.address]))
      yield* Effect.flip(ours.gossip.join([none.address]))
      for (const label of ["test", ""]) yield* Wire.sendBestEffort(ours.address, Uint8Array.of(100), { label })
      yield* Effect.sleep("2 seconds")
      yield* together(ours, right)
      assert.strictEqual(yield* GoPeer.view(wrong), "wrong")
      assert.strictEqual(yield* GoPeer.view(none), "none")
      assert.deepStrictEqual(ours.messages, [])
      const counters = yield* ours.gossip.counters
      assert.strictEqual(counters["packet.label"], 2)
      assert.strictEqual(counters["stream.label"], 2)

      // A host with another label that gossips to the peer's address is not heard either.
      const stranger = yield* Ours.start({ name: "stranger", fabric: "test" })
      yield* Effect.flip(stranger.gossip.join([right.address]))
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* GoPeer.view(right), "right ts")
      GoPeer.assertQuiet(right, /label/)
    })
  )

  it.live("a leave of ours is a leave for the peer", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go" })
      const told = yield* Ours.start({ name: "told", seeds: [peer.address] })
      const closed = yield* Ours.start({ name: "closed", seeds: [peer.address] })
      yield* Ours.becomes("the peer sees all", GoPeer.view(peer), "closed go told")
      yield* told.gossip.leave
      yield* closed.close
      yield* Ours.becomes("left by word", stateFrom(peer.address, "told"), "left")
      yield* Ours.becomes("left by closing", stateFrom(peer.address, "closed"), "left")
      assert.strictEqual(yield* GoPeer.view(peer), "go")
      GoPeer.assertQuiet(peer)
    })
  )

  it.live("a leave of the peer is a leave for ours, also for one that only heard of it", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts" })
      const peer = yield* GoPeer.start({ name: "go", flags: [`-join=${ours.address}`] })
      yield* together(ours, peer)
      yield* peer.ask({ cmd: "leave", millis: 5000 })
      yield* Ours.becomes("left", Ours.statusOf(ours, "go"), "left")
      const late = yield* Ours.start({ name: "late", seeds: [ours.address] })
      yield* Ours.becomes("late joins", Ours.view(late), "late:alive ts:alive")
    })
  )

  it.live("ours comes back after a leave and after a kill, at incarnation 1, and refutes", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go", flags: ["-suspicion-mult=2"] })
      const port = yield* Effect.gen(function* () {
        const first = yield* OursApart.start({ name: "ts" })
        yield* peer.ask({ cmd: "join", seeds: [first.address] })
        yield* Ours.becomes("the peer sees it", GoPeer.view(peer), "go ts")
        first.process.stdin?.end()
        yield* first.exit
        return first.port
      })
      yield* Ours.becomes("left", stateFrom(peer.address, "ts"), "left")
      const second = yield* OursApart.start({ name: "ts", port, generation: 2 })
      yield* peer.ask({ cmd: "join", seeds: [second.address] })
      yield* Ours.becomes("alive after the leave", stateFrom(peer.address, "ts"), "alive")
      yield* second.kill
      yield* Ours.becomes("dead", stateFrom(peer.address, "ts"), "dead")
      const third = yield* OursApart.start({ name: "ts", port, generation: 3 })
      yield* peer.ask({ cmd: "join", seeds: [third.address] })
      yield* Ours.becomes("alive after the kill", stateFrom(peer.address, "ts"), "alive")
      assert.isAtLeast((yield* Wire.stateOf(peer.address, "ts"))?.incarnation ?? 0, 3)
    })
  )

  it.live("the peer comes back after a kill, at incarnation 1, and ours believes its refutation", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts", profile: { ...Ours.fast, suspicionMult: 2 } })
      const first = yield* GoPeer.start({ name: "go", flags: [`-join=${ours.address}`] })
      yield* together(ours, first)
      yield* first.kill
      yield* Ours.becomes("dead", Ours.statusOf(ours, "go"), "dead")
      const second = yield* GoPeer.start({ name: "go", port: first.port, flags: [`-join=${ours.address}`] })
      yield* together(ours, second)
      assert.isAtLeast((yield* Ours.memberOf(ours, "go"))?.incarnation ?? 0, 2)
    })
  )

  it.live("a second host with a name that is taken never gets in, on either side, and a process of ours is told", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go" })
      const ours = yield* Ours.start({ name: "ts", seeds: [peer.address] })
      yield* together(ours, peer)
      const thief = yield* Ours.start({ name: "go" })
      // Whether it is told before the join is over, or after it, the owner of its name decides.
      const joined = yield* Effect.result(thief.gossip.join([ours.address]))
      if (Result.isFailure(joined)) assert.strictEqual(joined.failure.reason._tag, "NameTaken")
      const usurper = yield* GoPeer.start({ name: "ts" })
      yield* usurper.ask({ cmd: "join", seeds: [peer.address] })
      yield* Effect.sleep("2 seconds")
      assert.strictEqual((yield* Ours.memberOf(ours, "go"))?.port, peer.port)
      assert.strictEqual((yield* Wire.stateOf(peer.address, "ts"))?.port, ours.port)
      assert.isAbove(GoPeer.told(peer, "conflict").length, 0)
      const told = yield* Effect.flip(thief.gossip.lost)
      assert.strictEqual(told.message, `listen: the name "go" is held by host "go at ${peer.address}"`)
      yield* together(ours, peer)
    })
  )

  it.live("an address of 16 bytes is passed on as it is, so nobody sees a conflict", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts" })
      const mapped = yield* GoPeer.start({ name: "mapped", flags: ["-mapped", `-join=${ours.address}`] })
      const plain = yield* GoPeer.start({ name: "plain", flags: [`-join=${ours.address}`] })
      for (const peer of [mapped, plain]) yield* Ours.becomes(peer.name, GoPeer.view(peer), "mapped plain ts")
      yield* Effect.sleep("3 seconds")
      assert.strictEqual(yield* Ours.view(ours), "mapped:alive plain:alive ts:alive")
      for (const peer of [mapped, plain]) {
        assert.strictEqual(yield* GoPeer.view(peer), "mapped plain ts")
        GoPeer.assertQuiet(peer)
      }
      assert.strictEqual((yield* Wire.stateOf(ours.address, "mapped"))?.address.length, 16)
      assert.isUndefined((yield* ours.gossip.counters).conflict)
      yield* Ours.assertQuiet(ours)
    })
  )
})
