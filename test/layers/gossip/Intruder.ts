/** Somebody on a memory network who speaks raw bytes. */
import { Effect, Layer } from "effect"
import * as GossipSocketMemory from "../../../src/layers/gossip/socket/GossipSocketMemory.ts"
import { MemoryNetwork } from "../../../src/layers/memory/MemoryNetwork.ts"
import { GossipSocket } from "../../../src/services/GossipSocket.ts"

export const intruder = Effect.gen(function* () {
  const network = yield* MemoryNetwork
  const layer = GossipSocketMemory.layer("intruder").pipe(Layer.provide(Layer.succeed(MemoryNetwork, network)))
  const services = yield* Layer.build(layer)
  return yield* Effect.provide(GossipSocket, services)
})
