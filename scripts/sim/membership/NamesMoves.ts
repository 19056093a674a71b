/** Hosts of one name at several addresses: one after the other, or at once. */
import * as Beginning from "../../../src/protocol/swim/Beginning.ts"
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

/** As in the layers: how long a start waits for its seeds, and for those of them that are slower than another. */
const startMillis = 3000
const graceMillis = 500
const contestedMillis = 10_000
const lookMillis = 20

/** Starts a host under an id that another one may have, which is up once it may be: as a process with these seeds. */
export const startAwaited = (
  names: Names.Names,
  id: string,
  seeds: ReadonlyArray<Host>,
  up: (host: Host) => void
): Host => {
  const { network } = names
  const host = Network.addIdle(network, id)
  Names.start(names, host)
  if (host.state === undefined) return host
  const { standing } = host.state
  standing.isStarting = true
  for (const seed of seeds) join(network, host, seed)
  const beganAt = network.now
  let settledAt = Number.POSITIVE_INFINITY
  const look = (): void => {
    if (host.state === undefined || standing.isLost) return
    settledAt = Beginning.isSettled(standing) ? Math.min(settledAt, network.now) : Number.POSITIVE_INFINITY
    const isLate = network.now - beganAt >= (Beginning.isContested(standing) ? contestedMillis : startMillis)
    if (!isLate && network.now - settledAt < graceMillis) return Network.call(network, lookMillis, look)
    input(network, host, { _tag: "Begin" })
    up(host)
  }
  look()
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
