/** A host of ours that is given the name of a member of another program. */
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Grinta from "../../src/layers/Grinta.ts"
import * as GoPeer from "./GoPeer.ts"
import * as Ours from "./Ours.ts"
import { describeWith, go } from "./Peers.ts"

describeWith([go], "a host with the name of a member of memberlist", () => {
  GoPeer.build()

  it.live("is told when it starts, and the member keeps its name", () =>
    Effect.gen(function* () {
      const peer = yield* GoPeer.start({ name: "go" })
      const other = yield* Ours.start({ name: "other", seeds: [peer.address] })
      yield* Ours.becomes("both are in", Ours.view(other), "go:alive other:alive")
      const options = { name: "go", listen: { gossipPort: 0, flowPort: 0 }, profile: "local" } as const
      for (const seed of [peer.address, other.address]) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Grinta.layer({ ...options, seeds: [seed] }))))
        assert.strictEqual(error.reason._tag, "NameTaken", error.message)
      }
      assert.strictEqual(yield* Ours.view(other), "go:alive other:alive")
      assert.strictEqual(yield* GoPeer.view(peer), "go other")
    })
  )
})
