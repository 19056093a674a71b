/** A host of ours that is given the name of an agent of Serf. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as Ours from "./Ours.ts"
import { describeWith, serf } from "./Peers.ts"
import * as SerfPeer from "./SerfPeer.ts"

const delegateVersion = Ours.serfVersion

describeWith([serf], "a host with the name of an agent of Serf", () => {
  it.live(
    "is told when it starts, and the agent hears nothing of it: one that does, asks the other agents, and quits if there are none",
    () =>
      Effect.gen(function* () {
        const peer = yield* SerfPeer.start({ name: "serf" })
        const other = yield* Ours.start({ name: "other", delegateVersion, seeds: [peer.address] })
        yield* Ours.becomes("both are in", Ours.view(other), "other:alive serf:alive")
        const options = { name: "serf", delegateVersion, listen: { gossipPort: 0, flowPort: 0 } } as const
        for (const seed of [peer.address, other.address, peer.address]) {
          const error = yield* Effect.flip(Effect.scoped(Layer.build(Grinta.layer({ ...options, seeds: [seed] }))))
          assert.strictEqual(error.reason._tag, "NameTaken", error.message)
        }
        // An agent that is contradicted takes so long to quit.
        yield* Effect.sleep("5 seconds")
        assert.strictEqual(yield* SerfPeer.statusOf(peer, "other"), "alive")
        assert.strictEqual(yield* Ours.statusOf(other, "serf"), "alive")
        SerfPeer.assertQuiet(peer)
      }),
    60_000
  )
})
