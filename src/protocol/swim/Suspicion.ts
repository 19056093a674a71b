/**
 * Suspicion: the time-out for a suspect to refute, shortened by each independent accuser.
 * Source: memberlist-wire.md, section 12.
 */
import type { Deadline } from "./Deadlines.ts"

/** Returns how many confirmations shorten a suspicion to its minimum; 0 with too few members to confirm. */
export const confirmationsMax = (suspicionMult: number, n: number): number => {
  const k = suspicionMult - 2
  return n - 2 < k ? 0 : k
}

/** Returns the least time-out. The logarithm is cut to three decimals, as in the reference. */
export const minMillis = (suspicionMult: number, n: number, probeIntervalMillis: number): number =>
  (suspicionMult * Math.floor(1000 * Math.max(1, Math.log10(Math.max(1, n)))) * probeIntervalMillis) / 1000

/** Returns the whole time-out after `confirmations` of at most `k`. */
export const timeoutMillis = (confirmations: number, k: number, min: number, max: number): number => {
  if (k < 1) return min
  const share = Math.log(confirmations + 1) / Math.log(k + 1)
  return Math.max(min, Math.floor(1000 * (max / 1000 - (max / 1000 - min / 1000) * share)))
}

export interface Suspicion<A> {
  readonly k: number
  readonly minMillis: number
  readonly maxMillis: number
  readonly startedAt: number
  /** Time that did not count, since this host was deaf or asleep. */
  heldMillis: number
  /** Whether the suspect was asked for its last word. */
  isAsked: boolean
  /** Accusers so far. The first one opened the suspicion and is no confirmation. */
  readonly accusers: Set<string>
  deadline: Deadline<A>
}

/** Counts an accuser; true when it is new and shortens the time-out. */
export const confirm = <A>(suspicion: Suspicion<A>, accuser: string): boolean => {
  if (suspicion.accusers.size - 1 >= suspicion.k || suspicion.accusers.has(accuser)) return false
  suspicion.accusers.add(accuser)
  return true
}

/** Returns the time until which a suspect may answer, however certain other hosts are of its death. */
export const answersUntil = <A>(suspicion: Suspicion<A>): number =>
  suspicion.startedAt + suspicion.heldMillis + suspicion.minMillis / 2

/** Returns the end of a suspicion. */
export const expiresAt = <A>(suspicion: Omit<Suspicion<A>, "deadline">): number =>
  suspicion.startedAt +
  suspicion.heldMillis +
  timeoutMillis(suspicion.accusers.size - 1, suspicion.k, suspicion.minMillis, suspicion.maxMillis)
