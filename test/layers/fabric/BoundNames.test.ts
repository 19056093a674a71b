/**
 * Names bound to certificates, among real hosts: whoever takes a name that its certificate does not grant gets no flow.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schedule } from "effect"
import * as Grinta from "../../../src/layers/Grinta.ts"
import * as ReservedNames from "../../../src/layers/registry/ReservedNames.ts"
import * as Codec from "../../../src/services/Codec.ts"
import * as Endpoint from "../../../src/services/Endpoint.ts"
import { Fabric } from "../../../src/services/Fabric.ts"
import { Gossip } from "../../../src/services/Gossip.ts"
import type { NetworkError } from "../../../src/services/NetworkError.ts"
import { Registry } from "../../../src/services/Registry.ts"
import * as Certificates from "../transport/http2/tls/Certificates.ts"

const authority = Certificates.make("an authority")

const bytes = { input: Codec.bytes, output: Codec.bytes }
const Orders = Endpoint.make("orders.new", { ...bytes, ownership: "group" })

interface Running {
  readonly fabric: Fabric["Service"]
  readonly registry: Registry["Service"]
  readonly seed: string
}

const start = (name: string, patterns: ReadonlyArray<string>, boundNames: boolean, seeds: ReadonlyArray<string> = []) =>
  Effect.gen(function* () {
    const uris = [`grinta:///${name}`, ...patterns.map((pattern) => `grinta-names:///${pattern}`)]
    const layer = Grinta.layer({
      name,
      seeds,
      listen: { gossipPort: 0, flowPort: 0 },
      profile: "local",
      tls: { ...authority.issue(name, { uris }), boundNames }
    })
    const services = yield* Layer.build(layer)
    const { address, port } = yield* Context.get(services, Gossip).self
    const running: Running = {
      fabric: Context.get(services, Fabric),
      registry: Context.get(services, Registry),
      seed: `${address}:${port}`
    }
    return running
  })

/** Answers with who it is. */
const answering = ({ fabric }: Running, who: string) =>
  fabric.expose(Orders, (flow) => flow.send(new TextEncoder().encode(who)))

const asked = ({ fabric }: Running) =>
  Effect.scoped(
    Effect.flatMap(fabric.connect(Orders), (flow) => Effect.map(flow.receive, (said) => new TextDecoder().decode(said)))
  )

const reasonOf = ({ reason }: NetworkError): string => `${reason._tag}: ${reason.message}`

describe("a name that is bound to certificates", () => {
  it.live("is not exposed by a host whose certificate does not grant it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(answering(yield* start("a", ["orders"], true), "a"))
      assert.include(reasonOf(error), 'NameInvalid: the name "orders.new" is none of those that the certificate')
      yield* answering(yield* start("b", ["orders.*"], true), "b")
      // Where names are not bound, nobody needs a grant.
      yield* answering(yield* start("c", [], false), "c")
    })
  )

  it.live("of hosts themselves is exposed and reached without a grant, by whoever asks a host for its own", () =>
    Effect.gen(function* () {
      const Admin = Endpoint.make("grinta.admin", { ...bytes, ownership: "group" })
      const [a, b] = [yield* start("a", [], true), yield* start("b", ["orders.*"], true)]
      for (const { fabric } of [a, b])
        yield* Effect.provideService(
          fabric.expose(Admin, (flow) =>
            Effect.flatMap(fabric.self, ({ id }) => flow.send(new TextEncoder().encode(id)))
          ),
          ReservedNames.Own,
          true
        )
      yield* b.fabric.join([a.seed])
      for (const host of ["a", "b"]) {
        const flow = yield* b.fabric.connect(Admin, { select: { host }, wait: true })
        assert.strictEqual(new TextDecoder().decode(yield* flow.receive), host)
      }
      const error = yield* Effect.flip(a.fabric.expose(Admin, () => Effect.never))
      assert.include(reasonOf(error), "which is kept for hosts themselves")
    }).pipe(Effect.timeout("40 seconds"))
  )

  it.live("gets a squatter no flow, and its owner all of them", () =>
    Effect.gen(function* () {
      const squatter = yield* start("a-squatter", ["other.*"], false)
      yield* answering(squatter, "squatter")
      const caller = yield* start("caller", [], true, [squatter.seed])
      const ownersAre = (count: number) =>
        Effect.retry(
          Effect.filterOrFail(caller.registry.resolve(Orders.name), (owners) => owners.length === count),
          Schedule.spaced("20 millis")
        ).pipe(Effect.timeout("20 seconds"))
      yield* ownersAre(1)
      const error = yield* Effect.flip(Effect.scoped(caller.fabric.connect(Orders)))
      assert.match(reasonOf(error), /^HostUnreachable: .*its certificate does not let it own "orders.new"/)
      yield* answering(yield* start("owner", ["orders.new"], true, [squatter.seed]), "owner")
      yield* ownersAre(2)
      for (let i = 0; i < 20; i += 1) assert.strictEqual(yield* asked(caller), "owner")
    })
  )
})
