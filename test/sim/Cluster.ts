/** Whole clusters on the virtual network, and what their hosts believe of each other. */
import type { Status } from "../../src/protocol/swim/Member.ts"
import * as Swim from "../../src/protocol/swim/Swim.ts"
import * as Network from "./Network.ts"

/** Lets time pass until something holds; how long that took, or undefined if it took longer than allowed. */
export const until = (
  network: Network.Network,
  holds: () => boolean,
  withinMillis: number,
  everyMillis = 50
): number | undefined => {
  const began = network.now
  while (!holds()) {
    if (network.now - began >= withinMillis) return undefined
    Network.advance(network, everyMillis)
  }
  return network.now - began
}

/** What one host believes of another; undefined when it does not know it. */
export const sees = (network: Network.Network, name: string, other: string): Status | undefined => {
  const { state } = Network.host(network, name)
  return state === undefined ? undefined : Swim.member(state, other)?.status
}

/** Whether all running hosts believe this of a host, other than itself. */
export const allSee = (network: Network.Network, other: string, status: Status): boolean =>
  [...network.hosts.values()].every(
    ({ name, state }) => state === undefined || name === other || sees(network, name, other) === status
  )

/** Whether all running hosts see each other alive. */
export const isConverged = (network: Network.Network): boolean =>
  [...network.hosts.values()].every(({ name, state }) => state === undefined || allSee(network, name, "alive"))

/** A cluster of hosts `h0` to `h<n-1>`, each of which starts 100 ms after the one before it and joins through it. */
export const chained = (n: number, options: Partial<Network.Options> & { readonly seed: string }): Network.Network => {
  const network = Network.make(options)
  for (let i = 0; i < n; i++) {
    Network.add(network, `h${i}`)
    if (i > 0) Network.join(network, `h${i}`, `h${i - 1}`)
    Network.advance(network, 100)
  }
  return network
}

/** A cluster in which everybody knows everybody and nothing is left to be told. */
export const settled = (n: number, options: Partial<Network.Options> & { readonly seed: string }): Network.Network => {
  const network = chained(n, options)
  for (const name of network.hosts.keys()) Network.join(network, name, "h0")
  Network.advance(network, 100)
  for (const name of network.hosts.keys()) Network.join(network, name, "h0")
  Network.advance(network, 20_000)
  return network
}
