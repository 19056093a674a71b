/** One life of a host on a memory network, from its first plug to its last unplugging, or to its death. */
import type { Connection } from "./Connection.ts"

/** One life of a host on the network: from its first plug to its last unplugging, or to its kill. */
export interface Plug {
  /** Name of the host. */
  readonly name: string
  /** IPv4 address: 10.0.0.1 for the first name, and so on. */
  readonly bytes: Uint8Array
  /** False once this life was killed or unplugged: packets that it sends from then on are lost. */
  readonly isLive: () => boolean
}

/** Takes a new connection; returns false when there is no room. */
export type Door = (connection: Connection) => boolean

export class Life implements Plug {
  readonly name: string
  readonly bytes: Uint8Array
  readonly connections = new Set<Connection>()
  /** Who takes new connections, by port. */
  readonly doors = new Map<number, Door>()
  plugs = 0
  isKilled = false

  constructor(name: string, bytes: Uint8Array) {
    this.name = name
    this.bytes = bytes
  }

  readonly isLive = (): boolean => !this.isKilled && this.plugs > 0
}
