/**
 * Hosts whose sessions were idle for long: nothing of them is kept.
 */
import * as v8 from "node:v8"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Http2Socket } from "../../../../src/layers/transport/http2/Socket.ts"
import * as TransportConnect from "../../../../src/layers/transport/TransportConnect.ts"
import { Transport } from "../../../../src/services/Transport.ts"
import * as Caller from "./Caller.ts"
import { server } from "./Server.ts"

/** How many sessions are known in this process, each of which has one of these; the garbage goes first. */
const sessions = (): number => v8.queryObjects(Http2Socket, { format: "count" })

describe("a host whose session was closed as idle", () => {
  it.live("is forgotten, one by one of a hundred", () =>
    Effect.gen(function* () {
      const { port } = yield* server()
      // The last one may be in the hands of the engine for a while.
      const before = sessions() + 5
      const services = yield* Layer.build(TransportConnect.layer({ port: 0, idleTimeout: "50 millis" }))
      const { reach } = Context.get(services, Transport)
      const names = Array.from({ length: 100 }, (_, i) => `host-${i}`)
      yield* Effect.forEach(names, (name) => Caller.soon(reach(Caller.hostAt(port, "127.0.0.1", name))))
      yield* Effect.repeat(Effect.sleep("200 millis"), { until: () => sessions() <= before }).pipe(
        Effect.timeoutOrElse({
          duration: "20 seconds",
          orElse: () => Effect.die(`${sessions() - before} sessions are kept of ${names.length}`)
        })
      )
      assert.isAtMost(sessions(), before)
    })
  )
})
