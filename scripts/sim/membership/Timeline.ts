/** What all hosts see over time, beside what there is: members taken for alive, or names. */
import * as Directory from "../../../src/protocol/names/Directory.ts"
import * as Names from "./Names.ts"
import type { Network } from "./Network.ts"
import { advance } from "./Run.ts"

export interface Sample {
  readonly atMillis: number
  /** Hosts that run and do work, or names that they claim. */
  readonly truth: number
  /** Over all such hosts: members taken for alive, or names shown. */
  readonly min: number
  readonly median: number
  readonly max: number
}

const sampleOf = (atMillis: number, truth: number, counts: ReadonlyArray<number>): Sample => {
  const seen = [...counts].sort((a, b) => a - b)
  const at = (share: number): number => seen[Math.min(seen.length - 1, Math.floor(share * seen.length))] ?? 0
  return { atMillis, truth, min: at(0), median: at(0.5), max: at(1) }
}

export type Look = (network: Network) => Sample

export const members: Look = ({ hosts, now }) => {
  const running = hosts.filter(({ mode, state }) => state !== undefined && mode === "running")
  return sampleOf(
    now,
    running.length,
    running.map(({ state }) => state?.members.live ?? 0)
  )
}

export const claims =
  (names: Names.Names): Look =>
  ({ now }) => {
    const all = Names.replicas(names).filter(({ host }) => host.mode === "running")
    return sampleOf(
      now,
      all.reduce((sum, { held }) => sum + held.size, 0),
      all.map(({ directory }) => Directory.scan(directory, "").length)
    )
  }

/** Lets time pass, looking at all hosts now and then; `tell` hears of progress. */
export const watch = (
  network: Network,
  millis: number,
  everyMillis: number,
  tell: (passedMillis: number) => void = () => {},
  look: Look = members
): ReadonlyArray<Sample> => {
  const beganAt = network.now
  const samples = [look(network)]
  while (network.now - beganAt < millis) {
    advance(network, Math.min(everyMillis, beganAt + millis - network.now))
    samples.push(look(network))
    tell(network.now - beganAt)
  }
  return samples
}
