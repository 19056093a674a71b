/** Looking for others, as src/layers/GossipSwimSeeds.ts does it: the rule is the same, and here it is virtual time. */
import { targets } from "../protocol/swim/Reunion.ts"
import { exchange } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import { look, type Network } from "./Network.ts"

const lonelyMillis = 5000

export const lookAround = (network: Network, host: Host, life: number): void => {
  const { state } = host
  const { reunion } = network.options
  if (state === undefined || host.life !== life || reunion === undefined) return
  look(network, host, state.members.live > 1 ? reunion.intervalMillis : lonelyMillis)
  if (host.mode !== "running") return
  const seeds = network.hosts.slice(0, reunion.seeds).map(({ address }) => address)
  for (const address of targets(state, host.lost, seeds, network.random)) exchange(network, host, address, true, true)
}
