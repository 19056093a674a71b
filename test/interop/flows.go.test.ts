/** connect-go opens flows to an endpoint of ours, over each of its protocols; and ours to one of connect-go. */

import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { frames } from "../vectors/flow.ts"
import { flowLaws } from "./FlowLaws.ts"
import * as FlowPeer from "./FlowPeer.ts"
import { hostLaws } from "./HostLaws.ts"
import { describeWith, go } from "./Peers.ts"

describeWith([go], "connect-go", () => {
  FlowPeer.build()
  for (const protocol of ["connect", "grpc", "grpcweb"] as const)
    flowLaws({
      name: protocol,
      isDirect: protocol === "connect",
      call: (port, { timeoutMillis }) => FlowPeer.call(port, { protocol, timeoutMillis })
    })
  hostLaws("as a host", FlowPeer.serve)

  it.live("reads and writes the golden frames", () =>
    Effect.gen(function* () {
      const told = yield* FlowPeer.recode(frames.map(([, , hex]) => hex))
      assert.deepStrictEqual(
        told,
        frames.map(([, json, hex]) => ({ frame: JSON.parse(json), hex }))
      )
    })
  )
})
