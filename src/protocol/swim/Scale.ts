/** Times and counts that grow with the logarithm of the cluster, by either rule. Source: faults.md, section 1 (X6). */
import { transmitLimit } from "./Broadcasts.ts"
import type { Config } from "./Config.ts"
import * as Suspicion from "./Suspicion.ts"

/** What the first paper uses for both: `mult * ceil(ln(n + 1))`. */
export const naturalRounds = (mult: number, n: number): number => mult * Math.ceil(Math.log(n + 1))

/** The shortest time that a suspect has. */
export const suspicionMinMillis = ({ rules, settings }: Config, n: number): number => {
  const { probeIntervalMillis, suspicionMult, suspicionRoundsMin } = settings
  const grown = rules.naturalLog
    ? naturalRounds(suspicionMult, n) * probeIntervalMillis
    : Suspicion.minMillis(suspicionMult, n, probeIntervalMillis)
  return Math.max(grown, suspicionRoundsMin * probeIntervalMillis)
}

/** How often a broadcast is sent. */
export const transmitsMax = ({ rules, settings }: Config, n: number): number =>
  rules.naturalLog ? naturalRounds(settings.retransmitMult, n) : transmitLimit(settings.retransmitMult, n)

/** How many accusers, beside the first, shorten a suspicion; too few members to confirm do not count on it. */
export const confirmationsMax = ({ rules, settings }: Config, n: number): number => {
  if (!rules.confirmations) return 0
  const { confirmationsMax, suspicionMult } = settings
  if (confirmationsMax === undefined) return Suspicion.confirmationsMax(suspicionMult, n)
  return n - 2 < confirmationsMax ? 0 : confirmationsMax
}
