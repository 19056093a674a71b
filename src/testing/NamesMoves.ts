/** Hosts of one name at several addresses: one after the other, or at once. */
import { input, join } from "./Delivery.ts"
import type { Host } from "./Host.ts"
import * as Names from "./Names.ts"
import * as Network from "./Network.ts"

/** Starts a host under an id that another one may have, at an address of its own, and joins through `seed`. */
export const startTwin = (names: Names.Names, id: string, seed: Host): Host => {
  const host = Network.addIdle(names.network, id)
  Names.start(names, host)
  join(names.network, host, seed)
  return host
}

/** Starts a host that has crashed anew at another address, to claim what it did before. */
export const startElsewhere = (names: Names.Names, former: Host, seed: Host): Host => {
  const { network, wanted } = names
  const host = Network.addIdle(network, former.name)
  network.byName.set(host.name, host)
  wanted[host.index] = wanted[former.index] ?? new Map()
  Names.start(names, host)
  join(network, host, seed)
  return host
}

/** Gives a host another address, which it notices at once. */
export const move = (names: Names.Names, host: Host): void => {
  Network.move(names.network, host)
  input(names.network, host, { _tag: "Move", address: host.address })
}
