/**
 * The driver's part of finding others, as src/layers/GossipSwimSeeds.ts does it: now and then a host tries those seeds,
 * and one of those lost members, that it does not see; one that is alone tries its seeds. Source: design.md, law 9.
 */
import * as Swim from "../protocol/swim/Swim.ts"
import { exchange } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import { hostAt, look, type Network } from "./Network.ts"

const isSeen = (state: Swim.State, name: string): boolean => {
  const status = Swim.member(state, name)?.status
  return status === "alive" || status === "suspect"
}

const lonelyMillis = 5000

export const lookAround = (network: Network, host: Host, life: number): void => {
  const { state } = host
  const { reunion } = network.options
  if (state === undefined || host.life !== life || reunion === undefined) return
  const others = state.members.live - 1
  look(network, host, others > 0 ? reunion.intervalMillis : lonelyMillis)
  if (host.mode !== "running") return
  const missing = new Set(network.hosts.slice(0, reunion.seeds).filter(({ name }) => name !== host.name))
  // The more are lost, the more of the others look, so that one dead member is not looked for by all at once.
  if (host.lost.size > 0 && network.random() * others < host.lost.size) {
    const dead = [...host.lost.values()][Math.floor(network.random() * host.lost.size)]
    const found = dead === undefined ? undefined : hostAt(network, dead)
    if (found !== undefined) missing.add(found)
  }
  for (const other of missing) if (!isSeen(state, other.name)) exchange(network, host, other.address, true, true)
}
