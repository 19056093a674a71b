/**
 * A host that calls itself: within its process, and as any host with its certificate.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Queue, Stream } from "effect"
import { Fabric, Grinta } from "../../../../src/index.ts"
import * as Certificates from "../../transport/http2/tls/Certificates.ts"
import { endpointOf } from "./World.ts"

const authority = Certificates.make("an authority")

describe("a host that calls itself", () => {
  it.live("is shown with the certificate that it has by now", () =>
    Effect.gen(function* () {
      const renewals = yield* Queue.unbounded<ReturnType<typeof authority.issue>>()
      const tls = { ...authority.issue("server", { fabric: "shop" }), renewals: Stream.fromQueue(renewals) }
      const layer = Grinta.layer({
        ...{ name: "server", fabric: "shop", profile: "local", listen: { gossipPort: 0, flowPort: 0 }, tls }
      })
      const fabric = Context.get(yield* Layer.build(Layer.fresh(layer)), Fabric)
      const Shown = endpointOf("shown")
      yield* fabric.expose(Shown, ({ peer, send }) => send(JSON.stringify(peer.proven)), {
        allow: { certificates: ["grinta://shop/server"] }
      })
      const shown = Effect.scoped(Effect.flatMap(fabric.connect(Shown), ({ receive }) => receive))
      const first = yield* shown
      assert.match(first, /"fingerprint":"[0-9a-f]{64}"/)
      assert.strictEqual(yield* shown, first)
      yield* Queue.offer(renewals, authority.issue("server", { fabric: "shop" }))
      while ((yield* shown) === first) yield* Effect.sleep("20 millis")
    }).pipe(Effect.scoped, Effect.timeout("20 seconds"))
  )
})
