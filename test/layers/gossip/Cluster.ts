/** Hosts on one memory network, started, killed and closed one by one, for the tests beside this file. */
import { Effect, Exit, Layer, Random, Scope } from "effect"
import * as GossipSwim from "../../../src/layers/gossip/GossipSwim.ts"
import * as GossipSocketMemory from "../../../src/layers/gossip/socket/GossipSocketMemory.ts"
import * as MemoryNetwork from "../../../src/layers/memory/MemoryNetwork.ts"
import { Gossip } from "../../../src/services/Gossip.ts"
import { GossipSocket } from "../../../src/services/GossipSocket.ts"
import { Self } from "../../../src/services/Host.ts"

export interface Running {
  readonly name: string
  readonly gossip: Gossip["Service"]
  readonly socket: GossipSocket["Service"]
  /** Ends the layer, as a process that shuts down in good order does. */
  readonly close: Effect.Effect<void>
}

export const self = (id: string, generation = 1): Layer.Layer<Self> =>
  Layer.succeed(Self, { id, generation, locality: "", tags: {} })

/** Starts a host in a scope of its own, which is closed with the test's at the latest. */
export const start = Effect.fnUntraced(function* (
  name: string,
  config: Partial<GossipSwim.Config> = {},
  generation = 1,
  /** The socket as its host sees it. */
  through: (socket: GossipSocket["Service"]) => GossipSocket["Service"] = (socket) => socket,
  port?: number
) {
  const network = yield* MemoryNetwork.MemoryNetwork
  const scope = yield* Scope.fork(yield* Effect.scope)
  const layer = GossipSwim.layer({ fabric: "", seeds: [], meta: { flowPort: 0 }, ...config }).pipe(
    Layer.provideMerge(Layer.effect(GossipSocket, Effect.map(GossipSocket, through))),
    Layer.provide(GossipSocketMemory.layer(name, port)),
    Layer.provide(Layer.succeed(MemoryNetwork.MemoryNetwork, network)),
    Layer.provide(self(name, generation))
  )
  const services = yield* Layer.buildWithScope(layer, scope)
  const running = Effect.gen(function* () {
    return { name, gossip: yield* Gossip, socket: yield* GossipSocket, close: Scope.close(scope, Exit.void) }
  })
  return yield* Effect.provide(running, services)
})

/** How a host sees the others: "a:alive b:dead", by name. */
export const view = ({ gossip }: Running): Effect.Effect<string> =>
  Effect.map(gossip.members, (members) =>
    members
      .map(({ id, status }) => `${id}:${status}`)
      .sort()
      .join(" ")
  )

/** A seeded network under a test's clock. */
export const network = (seed: string, options: MemoryNetwork.Options = {}) =>
  MemoryNetwork.layer(options).pipe(
    Layer.provideMerge(Layer.effect(Random.Random, Random.withSeed(Random.Random, seed)))
  )
