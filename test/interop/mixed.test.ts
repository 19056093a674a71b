/** Sixteen members, half of them ours, that join in a chain at the pace of memberlist's own integration test. */
import { assert, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import * as GoPeer from "./GoPeer.ts"
import * as Ours from "./Ours.ts"
import { describeWith, go } from "./Peers.ts"
import * as Wire from "./Wire.ts"

const halfSize = 8

/** One cluster for each keyring, in hex; none is in the clear. */
const keyrings: ReadonlyArray<{ readonly title: string; readonly keys: ReadonlyArray<string> }> = [
  { title: "in the clear", keys: [] },
  { title: "encrypted", keys: ["000102030405060708090a0b0c0d0e0f"] }
]

/** Faster than usual, and no faster than all of one machine may be: a host takes 500 datagrams a second of one address. */
const profile = {
  probeIntervalMillis: 100,
  probeTimeoutMillis: 50,
  gossipIntervalMillis: 60,
  pushPullIntervalMillis: 1000
}

const flags = [
  `-count=${halfSize}`,
  "-probe-interval=100ms",
  "-probe-timeout=100ms",
  "-gossip-interval=60ms",
  "-push-pull-interval=1s"
]

const indices = Array.from({ length: halfSize }, (_, i) => i)

/** Whom each member has seen, by the order of the members. */
const seen = (peer: GoPeer.GoPeer, ours: ReadonlyArray<Ours.Ours>) =>
  Effect.forEach(ours, (host, i) =>
    Effect.map(host.gossip.members, (members) => {
      const told = GoPeer.told(peer, "join", `go-${i}`).map(({ name }) => name)
      const known = host.changes.map(({ member }) => member.id)
      return [new Set(told).size, new Set([...known, ...members.map(({ id }) => id)]).size]
    })
  ).pipe(Effect.map((sizes) => sizes.flat().join(" ")))

describeWith(
  [go],
  "a cluster of both",
  () => {
    GoPeer.build()

    it.live.each(keyrings)("16 members that join in a chain see each other soon, $title", ({ keys }) =>
      Effect.gen(function* () {
        const encryption = { keys: keys.map(Wire.toBase64) }
        const peer = yield* GoPeer.start({ name: "go", keys, flags })
        const ours: Array<Ours.Ours> = []
        for (const i of indices) ours.push(yield* Ours.start({ name: `ts-${i}`, profile, encryption }))
        yield* Ours.becomes(
          "all are up",
          Effect.sync(() => peer.addresses.size),
          halfSize
        )

        const startedAt = yield* Clock.currentTimeMillis
        for (const [i, host] of ours.entries()) {
          yield* host.gossip.join([peer.addresses.get(`go-${i}`) ?? ""])
          if (i + 1 < halfSize) yield* peer.ask({ cmd: "join", node: `go-${i + 1}`, seeds: [host.address] })
        }
        const joinedAt = yield* Clock.currentTimeMillis
        const size = 2 * halfSize
        // At this pace a busy machine misses deadlines, so that some may be taken for dead again for a while.
        yield* Ours.becomes("all have seen all", seen(peer, ours), Array.from({ length: size }, () => size).join(" "))
        const seenAt = yield* Clock.currentTimeMillis
        console.log(
          `${size} members joined in ${joinedAt - startedAt} ms and saw each other ${seenAt - joinedAt} ms later`
        )
        assert.isBelow(seenAt - joinedAt, 10_000)
        assert.deepStrictEqual(
          peer.events.filter(({ event }) => event === "conflict"),
          []
        )
      })
    )
  },
  "busy"
)
