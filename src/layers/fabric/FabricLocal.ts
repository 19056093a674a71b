/**
 * FabricLocal: the fabric of one process, without a network: the same endpoints, flows, rules and errors.
 *
 * @module
 */
import { Effect, Layer } from "effect"
import { revision } from "../../protocol/flow/Frame.ts"
import { Fabric } from "../../services/Fabric.ts"
import { type Host, Self } from "../../services/Host.ts"
import { HostUnreachable, JoinFailed, NetworkError } from "../../services/NetworkError.ts"
import { Registry } from "../../services/Registry.ts"
import * as SelfLive from "../core/SelfLive.ts"
import * as Serving from "../flow/Serving.ts"
import * as RegistryLocal from "../registry/RegistryLocal.ts"
import * as Core from "./Core.ts"

const alone = "a local fabric has no network"

const unreachable = ({ address, id }: Host): Effect.Effect<never, NetworkError> =>
  Effect.fail(
    new NetworkError({ operation: "connect", reason: new HostUnreachable({ host: id, address, cause: alone }) })
  )

const make = Effect.gen(function* () {
  const registry = yield* Registry
  const self = yield* Self
  const host: Host = { ...self, address: "127.0.0.1", flowPort: 0, revision }
  const { drain, fabric } = yield* Core.make({
    self: Effect.succeed(host),
    selfId: self.id,
    registry,
    dial: unreachable,
    reach: unreachable,
    roundTripMillis: () => Effect.undefined,
    hostOf: (id) => (id === host.id ? host : undefined),
    join: (seeds) => {
      const failures = seeds.map((seed) => ({ seed, detail: alone }))
      return Effect.fail(new NetworkError({ operation: "join", reason: new JoinFailed({ failures }) }))
    },
    isAlone: Effect.succeed(false),
    joined: Effect.void,
    lost: Effect.never,
    leave: Effect.void,
    flows: Serving.defaults,
    level: "Debug"
  })
  yield* Effect.addFinalizer(() => drain)
  return fabric
})

/** Provides a fabric of one host, "local" unless named otherwise. Each call makes another, with names of its own. */
export const layer = (options: Partial<SelfLive.Options> = {}): Layer.Layer<Fabric | Registry | Self> =>
  Layer.effect(Fabric, make).pipe(
    // `RegistryLocal.layer` is one value, which a graph of layers builds once, for all fabrics in it.
    Layer.provideMerge(Layer.fresh(RegistryLocal.layer)),
    Layer.provideMerge(SelfLive.layer({ name: "local", ...options }))
  )
