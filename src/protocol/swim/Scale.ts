/** Times and counts that grow with the logarithm of the cluster. Source: faults.md, section 1 (X6). */
import { transmitLimit } from "./Broadcasts.ts"
import type { Config } from "./Config.ts"
import * as Suspicion from "./Suspicion.ts"

/** The formula of the first paper for suspicion and retransmission: `mult * ceil(ln(n + 1))`. */
export const naturalRounds = (mult: number, n: number): number => mult * Math.ceil(Math.log(n + 1))

/** Returns the shortest time-out of a suspicion. */
export const suspicionMinMillis = ({ rules, settings }: Config, n: number): number => {
  const { probeIntervalMillis, suspicionMult, suspicionRoundsMin } = settings
  const grown = rules.naturalLog
    ? naturalRounds(suspicionMult, n) * probeIntervalMillis
    : Suspicion.minMillis(suspicionMult, n, probeIntervalMillis)
  return Math.max(grown, suspicionRoundsMin * probeIntervalMillis)
}

/** Returns how often a broadcast is sent. */
export const transmitsMax = ({ rules, settings }: Config, n: number): number =>
  rules.naturalLog ? naturalRounds(settings.retransmitMult, n) : transmitLimit(settings.retransmitMult, n)

/** Returns how many accusers beside the first shorten a suspicion; 0 with too few members to confirm. */
export const confirmationsMax = ({ rules, settings }: Config, n: number): number => {
  if (!rules.confirmations) return 0
  const { confirmationsMax, suspicionMult } = settings
  if (confirmationsMax === undefined) return Suspicion.confirmationsMax(suspicionMult, n)
  return n - 2 < confirmationsMax ? 0 : confirmationsMax
}
