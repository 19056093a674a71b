/** Looking for others, as src/layers/gossip/Seeds.ts does it: the rules are the same, and here it is virtual time. */
import * as Reunion from "../../../src/protocol/swim/Reunion.ts"
import { exchange } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import { look, type Network, pauseOf } from "./Network.ts"

const lonelyMillis = 5000

/** Seeds that are not seen, now and then. */
const lookForSeeds = (network: Network, host: Host): void => {
  const { state } = host
  const { reunion } = network.options
  if (state === undefined || reunion === undefined || network.now < host.seedsAt) return
  host.seedsAt = network.now + pauseOf(network, state.members.live > 1 ? reunion.intervalMillis : lonelyMillis)
  const seeds = network.hosts.slice(0, reunion.seeds).map(({ address }) => address)
  for (const address of Reunion.unseen(state, seeds, network.random)) exchange(network, host, address, true, true)
}

export const lookAround = (network: Network, host: Host, life: number): void => {
  const { state } = host
  if (state === undefined || host.life !== life) return
  look(network, host)
  if (host.mode !== "running") return
  lookForSeeds(network, host)
  const address = Reunion.sought(state, host.lost, network.now, network.random)
  if (address !== undefined) exchange(network, host, address, true, true)
}
