/** Which owners a connect tries, in which order: the layer alone, over entries and round trips as the test says. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as FabricConnect from "../../src/layers/FabricConnect.ts"
import * as Codec from "../../src/services/Codec.ts"
import * as Endpoint from "../../src/services/Endpoint.ts"
import type { ConnectOptions } from "../../src/services/Fabric.ts"
import type { Host } from "../../src/services/Host.ts"
import { EndpointBusy, NetworkError } from "../../src/services/NetworkError.ts"
import type { Entry } from "../../src/services/Registry.ts"

const Who = Endpoint.make("who", { input: Codec.bytes, output: Codec.bytes, ownership: "group" })

const hostOf = (id: string, locality = "eu"): Host => ({
  id,
  generation: 1,
  address: "192.0.2.1",
  flowPort: 7947,
  locality,
  tags: {}
})

const entryOf = (host: Host, contract = Who.fingerprint): Entry => ({ name: "who", ownership: "group", contract, host })

/** Has every owner refuse; the reason at last, and who was asked. */
const connecting = Effect.fnUntraced(function* (
  entries: ReadonlyArray<Entry>,
  roundTrips: Readonly<Record<string, number>> = {},
  options: ConnectOptions = {}
) {
  const asked: Array<string> = []
  const { connect } = yield* FabricConnect.make({
    self: Effect.succeed(hostOf("me")),
    registry: {
      claim: () => Effect.die("no claims here"),
      resolve: () => Effect.succeed(entries),
      scan: () => Effect.succeed(entries),
      watch: () => Stream.make({ _tag: "Snapshot", entries }),
      hosts: Effect.succeed([])
    },
    open: (host, { name }) =>
      Effect.suspend(() => {
        asked.push(host.id)
        const reason = new EndpointBusy({ endpoint: name, host: host.id })
        return Effect.fail(new NetworkError({ operation: "connect", reason }))
      }),
    roundTripMillis: (id) => Effect.succeed(roundTrips[id]),
    check: () => Effect.void
  })
  const error = yield* Effect.flip(Effect.scoped(connect(Who, options)))
  return { asked, reason: error.reason }
})

describe("connect", () => {
  it.effect("nearest: by place, then by the round trips that gossip has measured", () =>
    Effect.gen(function* () {
      const hosts = [hostOf("slow"), hostOf("far", "us"), hostOf("unmeasured"), hostOf("swift"), hostOf("me")]
      const entries = hosts.map((host) => entryOf(host))
      const { asked, reason } = yield* connecting(entries, { slow: 9, swift: 2, far: 1, me: 500 })
      assert.deepStrictEqual(asked, ["me", "swift", "slow", "unmeasured", "far"])
      assert.strictEqual(reason._tag, "EndpointBusy")
    })
  )
})
