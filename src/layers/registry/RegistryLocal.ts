/**
 * RegistryLocal: the registry of a process on its own, with the rules of a network of one host.
 *
 * @module
 */
import { Effect, Layer } from "effect"
import { revision } from "../../protocol/flow/Frame.ts"
import type { Limits } from "../../protocol/names/DirectoryLimits.ts"
import { Self } from "../../services/Host.ts"
import type { NetworkError } from "../../services/NetworkError.ts"
import { Registry } from "../../services/Registry.ts"
import * as Driver from "./Driver.ts"

const make = Effect.fnUntraced(function* (limits: Partial<Limits>) {
  const { generation, id, locality, tags } = yield* Self
  const self = { id, generation, locality, tags, address: "127.0.0.1", flowPort: 0, revision }
  const { registry } = yield* Driver.make({
    self,
    limits,
    broadcast: () => Effect.void,
    renew: () => Effect.void
  })
  return registry
})

/** As `layer`, with limits that differ from the defaults. Errors: InvalidConfig for a bad limit. */
export const layerLimits = (limits: Partial<Limits>): Layer.Layer<Registry, NetworkError, Self> =>
  Layer.effect(Registry, Effect.andThen(Driver.checkLimits(limits), make(limits)))

/** Provides the registry. One value, built once in a graph of layers: for two hosts in one graph call `layerLimits`. */
export const layer: Layer.Layer<Registry, never, Self> = Layer.effect(Registry, make({}))
