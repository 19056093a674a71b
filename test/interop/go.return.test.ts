/** Coming back: after a leave, after a death that was forgotten, and at another address. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as GossipSwim from "../../src/layers/gossip/GossipSwim.ts"
import * as GossipSocketNode from "../../src/layers/gossip/socket/GossipSocketNode.ts"
import { GossipSocket } from "../../src/services/GossipSocket.ts"
import { Self } from "../../src/services/Host.ts"
import * as GoPeer from "./GoPeer.ts"
import * as Ours from "./Ours.ts"
import { describeWith, go } from "./Peers.ts"
import * as Wire from "./Wire.ts"

const portFrom = (peer: string, name: string) =>
  Effect.map(Wire.stateOf(peer, name), (node) => (node?.state === "alive" ? node.port : undefined))

describeWith([go], "coming back among members of memberlist", () => {
  GoPeer.build()

  it.live("a name that left comes back at another address, on either side", () =>
    Effect.gen(function* () {
      const ours = yield* Ours.start({ name: "ts" })
      const stays = yield* GoPeer.start({ name: "stays", flags: [`-join=${ours.address}`] })
      const theirs = yield* GoPeer.start({ name: "theirs", flags: [`-join=${ours.address}`] })
      const closes = yield* Ours.start({ name: "closes", seeds: [stays.address] })
      yield* Ours.becomes("all are in", GoPeer.view(stays), "closes stays theirs ts")
      yield* Ours.becomes("all are in", Ours.view(ours), "closes:alive stays:alive theirs:alive ts:alive")
      yield* theirs.ask({ cmd: "leave", millis: 5000 })
      yield* theirs.kill
      yield* closes.close
      yield* Ours.becomes("left", Ours.view(ours), "closes:left stays:alive theirs:left ts:alive")
      yield* Ours.becomes("left for the peer", GoPeer.view(stays), "stays ts")
      const again = yield* GoPeer.start({ name: "theirs", flags: [`-join=${stays.address}`] })
      const reopened = yield* Ours.start({ name: "closes", generation: 2, seeds: [ours.address] })
      yield* Ours.becomes("all are back", Ours.view(ours), "closes:alive stays:alive theirs:alive ts:alive")
      assert.strictEqual((yield* Ours.memberOf(ours, "theirs"))?.port, again.port)
      yield* Ours.becomes("at its new port", portFrom(stays.address, "closes"), reopened.port)
      assert.deepStrictEqual(GoPeer.told(stays, "conflict"), [])
    })
  )

  it.live("a name that died comes back at another address once its time is over", () =>
    Effect.gen(function* () {
      const deadReclaimMillis = 500
      const ours = yield* Ours.start({ name: "ts", profile: { ...Ours.fast, deadReclaimMillis } })
      const flags = [`-join=${ours.address}`, `-dead-reclaim=${deadReclaimMillis}ms`]
      const stays = yield* GoPeer.start({ name: "stays", flags })
      const theirs = yield* GoPeer.start({ name: "theirs", flags })
      yield* Ours.becomes("all are in", Ours.view(ours), "stays:alive theirs:alive ts:alive")
      yield* theirs.kill
      yield* Ours.becomes("dead", Ours.statusOf(ours, "theirs"), "dead")
      yield* Ours.becomes("dead for the peer", GoPeer.view(stays), "stays ts")
      yield* Effect.sleep("1 second")
      const again = yield* GoPeer.start({ name: "theirs", flags })
      const port = Effect.map(Ours.memberOf(ours, "theirs"), (member) =>
        member?.status === "alive" ? member.port : undefined
      )
      yield* Ours.becomes("at its new port", port, again.port)
      yield* Ours.becomes("for the peer too", portFrom(stays.address, "theirs"), again.port)
    })
  )

  it.live("a peer whose death was forgotten is told of it when it comes back by gossip alone, and refutes", () =>
    Effect.gen(function* () {
      const gossipToTheDeadMillis = 500
      const profile = { ...Ours.fast, gossipToTheDeadMillis, pushPullIntervalMillis: 0 }
      const ours = yield* Ours.start({ name: "ts", profile })
      const flags = ["-push-pull-interval=1h", `-gossip-to-the-dead=${gossipToTheDeadMillis}ms`]
      const stays = yield* GoPeer.start({ name: "stays", flags: [...flags, `-join=${ours.address}`] })
      const first = yield* GoPeer.start({ name: "theirs", flags: [...flags, `-join=${ours.address}`] })
      yield* Ours.becomes("all are in", Ours.view(ours), "stays:alive theirs:alive ts:alive")
      yield* first.kill
      yield* Ours.becomes("forgotten", Ours.view(ours), "stays:alive ts:alive", 30)
      const known = Effect.map(Wire.stateOf(stays.address, "theirs"), (node) => node !== undefined)
      yield* Ours.becomes("forgotten by the peer", known, false, 30)
      yield* GoPeer.start({ name: "theirs", port: first.port, flags: [...flags, `-join=${stays.address}`] })
      yield* Ours.becomes("back", Ours.view(ours), "stays:alive theirs:alive ts:alive")
      assert.isAtLeast((yield* Ours.memberOf(ours, "theirs"))?.incarnation ?? 0, 2)
      assert.isAbove((yield* ours.gossip.counters)["swim.replayed"] ?? 0, 0)
    })
  )

  it.live("a host of ours whose address changes while it runs is followed", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go" })
      let bytes = Uint8Array.of(127, 0, 0, 1)
      const moving = Effect.map(GossipSocket, (socket) =>
        GossipSocket.of({ ...socket, advertised: Effect.sync(() => ({ bytes, port: socket.address.port })) })
      )
      const socket = Layer.provide(
        Layer.effect(GossipSocket, moving),
        GossipSocketNode.layer({ host: "0.0.0.0", port: 0, insecure: true })
      )
      yield* Layer.build(
        GossipSwim.layer({ fabric: "", seeds: [peer.address], meta: { flowPort: 0 }, profile: Ours.fast }).pipe(
          Layer.provide(socket),
          Layer.provide(Layer.succeed(Self, { id: "ts", generation: 1, locality: "", tags: {} }))
        )
      )
      const placeSeen = Effect.map(
        Wire.stateOf(peer.address, "ts"),
        (state) => state && `${state.state} ${state.address.join(".")}`
      )
      yield* Ours.becomes("ours is there", placeSeen, "alive 127.0.0.1")
      bytes = Uint8Array.of(127, 0, 0, 3)
      yield* Ours.becomes("ours has moved", placeSeen, "alive 127.0.0.3")
    })
  )
})
