/** What a virtual network does to its hosts. */
import * as Config from "../../src/protocol/swim/Config.ts"

export interface Options {
  readonly seed: string
  /** One-way delay, uniform between the two. */
  readonly latencyMillis: readonly [number, number]
  /** Share of datagrams lost, sent twice, or held back by up to `reorderMillis` more. */
  readonly loss: number
  readonly duplication: number
  readonly reordering: number
  readonly reorderMillis: number
  /** Pairs of hosts that never reach each other, by datagram or TCP. */
  readonly cutLinks: ReadonlyArray<readonly [string, string]>
  readonly settings: Config.Settings
  readonly rules: Config.Rules
}

export const defaults: Omit<Options, "seed"> = {
  latencyMillis: [0.2, 2],
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderMillis: 500,
  cutLinks: [],
  settings: Config.lan,
  rules: Config.memberlist
}
