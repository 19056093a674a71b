/** What a virtual network is made of, and what it does to its hosts. */
import type { Config, Rules, Settings } from "../../../src/protocol/swim/Config.ts"
import { lan, memberlist } from "../../../src/protocol/swim/Config.ts"

/** One-way delay in milliseconds, drawn for each datagram and each half of an exchange. */
export type Latency = (random: () => number) => number

export const constant =
  (millis: number): Latency =>
  () =>
    millis

export const uniform =
  (minMillis: number, maxMillis: number): Latency =>
  (random) =>
    minMillis + random() * (maxMillis - minMillis)

/** At least `minMillis`, with a tail that falls off exponentially. */
export const exponential =
  (minMillis: number, meanMillis: number): Latency =>
  (random) =>
    minMillis - Math.log(1 - random()) * Math.max(0, meanMillis - minMillis)

/** What befalls datagrams; it may be changed while the network runs. Shares lie in [0, 1]. */
export interface Faults {
  latency: Latency
  loss: number
  duplication: number
  /** Share held back by up to `reorderMillis` more, so that later ones overtake it. */
  reordering: number
  reorderMillis: number
}

/** How hosts look for members that they lost. Source: design.md, law 9. */
export interface Reunion {
  /** Mean pause between two looks of one host is 1.25 times this. */
  readonly intervalMillis: number
  /** How many of the first hosts are everybody's seeds. */
  readonly seeds: number
}

export interface Options {
  readonly seed: string
  readonly faults: Partial<Faults>
  readonly settings: Settings
  readonly rules: Rules
  /** Anything else that all hosts are configured with. */
  readonly config: Partial<Config>
  /** Hosts look for lost members only if this is given. */
  readonly reunion: Reunion | undefined
  /** Whether all periodic work of all hosts begins at the same instant, as in the model of the first paper. */
  readonly isAligned: boolean
  /** Share of the messages whose size on the wire, compressed, is measured. */
  readonly sampling: number
  /** Whether changes of membership are kept in `seen`. */
  readonly isRecording: boolean
}

export const faults: Faults = {
  latency: uniform(0.2, 2),
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderMillis: 500
}

export const defaults: Omit<Options, "seed"> = {
  faults,
  settings: lan,
  rules: memberlist,
  config: {},
  reunion: undefined,
  isAligned: false,
  sampling: 0,
  isRecording: true
}
