/** Clusters of ours and of others over a longer time: nobody is taken for dead who is not. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as GoPeer from "./GoPeer.ts"
import * as Ours from "./Ours.ts"
import { describeWith, go, serf } from "./Peers.ts"
import * as SerfPeer from "./SerfPeer.ts"
import * as Wire from "./Wire.ts"

const delegateVersion = Ours.serfVersion

describeWith([go], "over a longer time with memberlist", () => {
  GoPeer.build()

  it.live(
    "3 of ours and 3 of theirs lose a tenth of all datagrams for two minutes, and no member dies",
    () =>
      Effect.gen(function* () {
        const loss = 0.1
        const names = ["go-0", "go-1", "go-2", "ts-0", "ts-1", "ts-2"]
        const first = yield* Ours.start({ name: "ts-0", faults: { ...Wire.makeFaults(), loss } })
        const seeds = [first.address]
        const ours = [first]
        for (const name of ["ts-1", "ts-2"])
          ours.push(yield* Ours.start({ name, seeds, faults: { ...Wire.makeFaults(), loss } }))
        const flags = ["-count=3", `-loss=${loss}`, `-join=${first.address}`]
        const peer = yield* GoPeer.start({ name: "go", flags })
        for (const each of ours)
          yield* Ours.becomes(`${each.name} sees all`, Ours.view(each), names.map((name) => `${name}:alive`).join(" "))
        for (const node of ["go-0", "go-1", "go-2"])
          yield* Ours.becomes(`${node} sees all`, GoPeer.view(peer, node), names.join(" "))

        yield* Effect.sleep("2 minutes")
        for (const { changes, faults, name } of ours) {
          const gone = changes.filter(({ member }) => member.status === "dead" || member.status === "left")
          assert.deepStrictEqual(
            gone.map(({ member }) => member.id),
            [],
            `as ${name} saw it`
          )
          const sent = faults.passed.filter(({ direction }) => direction === "out").length
          assert.closeTo(faults.dropped / (faults.dropped + sent), loss, 0.05)
        }
        const left = peer.events.filter(({ event }) => event === "leave" || event === "conflict")
        assert.deepStrictEqual(left, [])
        for (const node of ["go-0", "go-1", "go-2"]) assert.strictEqual(yield* GoPeer.view(peer, node), names.join(" "))
      }),
    180_000
  )
})

describeWith([serf], "over a longer time with Serf", () => {
  it.live(
    "ours stays alive in `serf members` over more than a push/pull interval, and Serf has nothing to complain of",
    () =>
      Effect.gen(function* () {
        const first = yield* SerfPeer.start({ name: "first", profile: "lan", tags: ["role=web"] })
        const second = yield* SerfPeer.start({ name: "second", profile: "lan", flags: [`-join=${first.address}`] })
        const seeds = [first.address]
        const ours = yield* Ours.start({ name: "ts", delegateVersion, seeds, profile: {} })
        for (const peer of [first, second])
          yield* Ours.becomes(`${peer.name} sees ours`, SerfPeer.statusOf(peer, "ts"), "alive")
        // Each begins its first push/pull 30 to 60 s after its start.
        for (let i = 0; i < 65; i++) {
          yield* Effect.sleep("1 second")
          for (const peer of [first, second])
            for (const { name, status } of yield* peer.members)
              assert.strictEqual(status, "alive", `${name}, as ${peer.name} sees it after ${i} s`)
        }
        assert.strictEqual(yield* Ours.view(ours), "first:alive second:alive ts:alive")
        yield* Ours.assertQuiet(ours)
        for (const peer of [first, second]) {
          assert.lengthOf(yield* peer.members, 3)
          assert.isTrue(
            peer.log.some((line) => line.includes("push/pull sync")),
            "there was a push/pull"
          )
          SerfPeer.assertQuiet(peer)
        }
      }),
    120_000
  )
})
