/** What all hosts see over time: how many members each takes for alive, beside how many there are. */
import type { Network } from "./Network.ts"
import { advance } from "./Run.ts"

export interface Sample {
  readonly atMillis: number
  /** Hosts that run and do work. */
  readonly truth: number
  /** Over all such hosts: members taken for alive. */
  readonly min: number
  readonly median: number
  readonly max: number
}

const sample = (network: Network): Sample => {
  const running = network.hosts.filter(({ mode, state }) => state !== undefined && mode === "running")
  const seen = running.map(({ state }) => state?.members.live ?? 0).sort((a, b) => a - b)
  const at = (share: number): number => seen[Math.min(seen.length - 1, Math.floor(share * seen.length))] ?? 0
  return { atMillis: network.now, truth: running.length, min: at(0), median: at(0.5), max: at(1) }
}

/** Lets time pass, looking at all hosts now and then; `tell` hears of progress. */
export const watch = (
  network: Network,
  millis: number,
  everyMillis: number,
  tell: (passedMillis: number) => void = () => {}
): ReadonlyArray<Sample> => {
  const beganAt = network.now
  const samples = [sample(network)]
  while (network.now - beganAt < millis) {
    advance(network, Math.min(everyMillis, beganAt + millis - network.now))
    samples.push(sample(network))
    tell(network.now - beganAt)
  }
  return samples
}
